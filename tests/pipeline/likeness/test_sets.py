"""Sets of images: what is read from folders, tars and zips, in which order, and what is refused."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from manifests import BiomillError
from pipeline.likeness.hashing import hash_set
from pipeline.likeness.sets import pictures
from pipeline.model.outcomes import Outcome
from tests.pipeline.likeness.pictures import grain, jpeg, lay


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_a_webdataset_gives_its_images_and_not_what_lies_beside_them(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"1.jpg": b"A", "1.json": b"{}", "1.cls": b"3", "2.png": b"B", ".x.jpg": b"C"})
    assert [picture.name for picture in pictures([path])] == ["a.tar!1.jpg", "a.tar!2.png"]


def test_a_folder_of_tars_is_opened_and_names_say_where_an_image_lies(tmp_path: Path) -> None:
    tar(tmp_path / "b.tar", {"1.jpg": b"A"})
    (tmp_path / "a.jpg").write_bytes(b"B")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("z/2.jpg", b"C")
    assert [picture.name for picture in pictures([tmp_path])] == ["a.jpg", "b.tar!1.jpg", "c.zip!z/2.jpg"]


def test_an_image_beyond_the_cap_is_named_and_not_read(tmp_path: Path) -> None:
    tar(tmp_path / "a.tar", {"big.jpg": b"x" * 50, "small.jpg": b"x"})
    (tmp_path / "big.jpg").write_bytes(b"x" * 50)
    found = {
        picture.name: (picture.outcome and picture.outcome.code, len(picture.data))
        for picture in pictures([tmp_path], 10)
    }
    assert found == {"a.tar!big.jpg": ("too_large", 0), "a.tar!small.jpg": (None, 1), "big.jpg": ("too_large", 0)}


def test_an_image_of_just_the_cap_is_read_wherever_it_lies(tmp_path: Path) -> None:
    tar(tmp_path / "a.tar", {"all.jpg": b"x" * 10, "more.jpg": b"x" * 11})
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("all.jpg", b"y" * 10)
        archive.writestr("more.jpg", b"y" * 11)
    lay(tmp_path, all=b"z" * 10, more=b"z" * 11)
    found = {picture.name: (picture.data, picture.outcome) for picture in pictures([tmp_path], 10)}
    too_large = (b"", Outcome.TOO_LARGE)
    assert found == {
        "a.tar!all.jpg": (b"x" * 10, None),
        "a.tar!more.jpg": too_large,
        "all.jpg": (b"z" * 10, None),
        "b.zip!all.jpg": (b"y" * 10, None),
        "b.zip!more.jpg": too_large,
        "more.jpg": too_large,
    }


def test_a_broken_archive_and_an_empty_folder_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BiomillError, match="no images"):
        list(pictures([tmp_path / "empty"]))
    whole = tar(tmp_path / "a.tar", {"1.jpg": b"x" * 5000}).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:2000])
    with pytest.raises(BiomillError, match="cannot be read"):
        list(pictures([tmp_path / "a.tar"]))
    with pytest.raises(BiomillError, match="no such file"):
        list(pictures([tmp_path / "absent"]))


def test_threads_change_neither_rows_nor_their_order(tmp_path: Path) -> None:
    lay(tmp_path, **{f"p{n:02}": grain(n) for n in range(12)}, broken=jpeg(grain(1))[:300])
    assert hash_set([tmp_path], threads=1).equals(hash_set([tmp_path], threads=4))


def test_images_of_one_name_are_each_read_and_named_apart(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        for data in (b"one", b"two", b"three"):
            info = tarfile.TarInfo("1.jpg")
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for name, data in (("1.jpg", b"four"), ("1.jpg (2)", b"five"), ("1.jpg", b"six")):
            archive.writestr(name, data)
    assert [(picture.name, picture.data) for picture in pictures([tmp_path / "a.tar", tmp_path / "a.zip"])] == [
        (f"{tmp_path}/a.tar!1.jpg", b"one"),
        (f"{tmp_path}/a.tar!1.jpg (2)", b"two"),
        (f"{tmp_path}/a.tar!1.jpg (3)", b"three"),
        (f"{tmp_path}/a.zip!1.jpg", b"four"),
        (f"{tmp_path}/a.zip!1.jpg (2)", b"six"),
        (f"{tmp_path}/a.zip!1.jpg (2) (2)", b"five"),
    ]
