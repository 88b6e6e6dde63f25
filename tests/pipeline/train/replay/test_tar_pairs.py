"""Pairs of anybody's tars: what is a pair, which batch has which, and what is said of tars that cannot be read."""

from __future__ import annotations

import pickle
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feed import Feed, Rules, View, show
from pipeline.model.errors import FeedError, StorageError
from pipeline.train import Settings
from pipeline.train.replay import Pairs, RunPairs, TarPairs, open_pairs
from tests.train.pair_tars import EACH, TARS, encoded, write_pairs, write_tar

SMALL = View(size=16, crop="center")


@pytest.fixture(scope="module")
def tars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("tars"))


def opened(where: Path | str, batch: int = 12, view: View = SMALL, **changes: Any) -> Pairs:
    return open_pairs(Settings(replay=str(where), replay_batch=batch, **changes), view)


def read(pairs: Pairs, steps: int) -> list[tuple[str, str]]:
    found = []
    for step in range(steps):
        batch = pairs.batch(step)
        found += list(zip(batch.keys, batch.texts, strict=True))
    return found


def test_an_epoch_has_every_pair_once_with_its_own_picture(tars: Path) -> None:
    pairs = opened(tars)
    assert isinstance(pairs, TarPairs) and len(pairs) == EACH * TARS
    first, second = read(pairs, 6), read(pairs, 12)[EACH * TARS :]
    assert len(set(first)) == EACH * TARS and sorted(first) == sorted(second) and first != second
    for step in range(6):
        batch = pairs.batch(step)
        for key, text, image in zip(batch.keys, batch.texts, batch.images, strict=True):
            number = int(key[:5]) * EACH + int(key[5:])
            assert text.endswith(f"number {number}")
            form = ("JPEG", "PNG", "WEBP")[number % 3]
            assert (image == show(encoded(number, form), SMALL, [], (form,))).all()


@pytest.mark.parametrize("crop", ["random", "center", "squash"])
def test_a_batch_follows_from_its_step_for_any_ranks_threads_and_processes(tars: Path, crop: str) -> None:
    view = View(size=16, crop=crop)
    whole = opened(tars, view=view)
    again: Pairs = pickle.loads(pickle.dumps(opened(tars, view=view, threads=3)))
    assert whole.digest == again.digest
    for step in (5, 0, 7):
        parts = [again.batch(step, rank, 4) for rank in range(4)]
        one = whole.batch(step)
        assert (np.concatenate([part.images for part in parts]) == one.images).all()
        assert tuple(key for part in parts for key in part.keys) == one.keys
        assert tuple(text for part in parts for text in part.texts) == one.texts


def test_the_digest_is_of_all_that_decides_a_batch_and_of_every_byte(tars: Path, tmp_path: Path) -> None:
    plain = opened(tars).digest
    moved = tmp_path / "moved"
    shutil.copytree(tars, moved)
    assert opened(moved).digest == plain
    assert (
        len({plain, opened(tars, batch=6).digest, opened(tars, seed=1).digest, opened(tars, view=View()).digest}) == 4
    )
    path = moved / "00001.tar"
    data = bytearray(path.read_bytes())
    data[data.index(b"two dogs")] ^= 1
    path.write_bytes(bytes(data))
    assert opened(moved).digest != plain
    (moved / "00002.tar").unlink()
    assert len(opened(moved)) == 2 * EACH


NAMES = st.sampled_from(["jpg", "JPG", "png", "txt", "TXT", "json", "jpg.txt", "webp", "cls"])
SAMPLES = st.lists(
    st.tuples(st.lists(NAMES, unique=True, max_size=4), st.sampled_from(["", "d/", "./", "a/b/"]), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(samples=SAMPLES, form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]))
def test_a_pair_is_an_image_and_a_caption_of_one_key(samples: list[Any], form: int) -> None:
    """Against the definition, with members that are none, folders, captions that are blank, and any form of tar."""
    expected, members = [], []
    for number, (suffixes, folder, blank) in enumerate(samples):
        key = f"{folder}k{number}"
        for suffix in suffixes:
            text = b"  \n" if blank else f"caption {number}".encode()
            members.append((f"{key}.{suffix}", text if suffix.lower() == "txt" else encoded(number)))
        lower = [suffix.lower() for suffix in suffixes]
        # Of two members of one name, but for the case, webdataset refuses the tar: the first is taken here.
        if "txt" in lower and not blank and {"jpg", "png", "webp"} & set(lower):
            expected.append((key, f"caption {number}"))
    with tempfile.TemporaryDirectory() as folder:
        write_tar(Path(folder) / "one.tar", members, form)
        if not expected:
            with pytest.raises(FeedError, match="no pair of image and caption"):
                opened(folder, 1)
            return
        assert sorted(read(opened(folder, 1), len(expected))) == sorted(expected)


def test_what_lacks_a_caption_is_counted(tmp_path: Path) -> None:
    members = [("a.jpg", encoded(1)), ("a.txt", b"a cat"), ("b.jpg", encoded(2)), ("c.txt", b"no picture")]
    write_tar(tmp_path / "x.tar", members)
    assert opened(tmp_path, 1).told == "1 pairs in 1 tars, beside 2 keys without image or caption"


def test_a_key_that_comes_again_is_a_pair_more_as_webdataset_reads_it_and_counted(tmp_path: Path) -> None:
    members = [
        *(("a.jpg", encoded(1)), ("a.txt", b"a cat"), ("b.jpg", encoded(2)), ("b.txt", b"a dog")),
        *(("a.jpg", encoded(3)), ("a.txt", b"a cow"), ("c.jpg", encoded(4)), ("a.txt", b"no picture")),
    ]
    path = write_tar(tmp_path / "x.tar", members)
    write_tar(tmp_path / "y.tar", members[:2])  # keys need not differ between tars
    pairs = opened(tmp_path, 1)
    told = "4 pairs in 2 tars, 1 of them under a key that came before in its tar, beside 2 keys without"
    assert pairs.told.startswith(told)
    assert sorted(read(opened(path, 1), 3)) == [("a", "a cat"), ("a", "a cow"), ("b", "a dog")]
    webdataset = pytest.importorskip("webdataset.tariterators", reason="webdataset is not installed")
    with path.open("rb") as file:
        found = [{**each, "__url__": path.name, "__local_path__": ""} for each in webdataset.tar_file_iterator(file)]
        samples = list(webdataset.group_by_keys(found))
    whole = [(each["__key__"], each["txt"].decode()) for each in samples if "jpg" in each and "txt" in each]
    assert sorted(read(opened(path, 1), 3)) == sorted(whole)


def test_a_run_is_read_through_the_feed_with_the_captions_of_its_shards(dataset: Path) -> None:
    pairs = opened(dataset, 4)
    assert isinstance(pairs, RunPairs)
    feed = Feed(dataset, Rules(4), View(size=16))
    captions = {
        feed.manifest.key(row): feed.manifest.captions(int(feed.manifest.name[row])) for row in range(len(feed))
    }
    found = read(pairs, len(feed) // 4)
    assert len(found) > 8 and all(text == captions[key].taxon_com for key, text in found)
    assert [key for key, _ in found] != [key for step in range(len(feed) // 4) for key in feed.keys(step)]


def test_one_tar_may_be_named(tars: Path) -> None:
    assert len(opened(tars / "00001.tar")) == EACH


def test_an_address_is_read_as_a_folder_is(tars: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for tar in tars.iterdir():
        memory.pipe(f"/replay-of-tests/{tar.name}", tar.read_bytes())
    far, near = opened("memory://replay-of-tests"), opened(tars)
    assert far.digest == near.digest and read(far, 6) == read(near, 6)
    assert (far.batch(2).images == near.batch(2).images).all()


def refused(where: Path | str, batch: int = 12) -> str:
    with pytest.raises((FeedError, StorageError)) as caught:
        pairs = opened(where, batch)
        for step in range(6):
            pairs.batch(step)
    assert caught.value.where and caught.value.expected, "where, and what was expected, are said"
    return str(caught.value)


def test_replay_that_is_not_there_is_said(tmp_path: Path, tars: Path) -> None:
    assert "holds no tar" in refused(tmp_path)
    assert "holds no tar" in refused(tmp_path / "nowhere")
    assert "no such tar" in refused(tars / "00009.tar")
    assert "72 pairs, and a step takes 100" in refused(tars, 100)


def test_captions_that_lack_or_are_no_text_are_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "a" / "x.tar", [(f"k{at}.jpg", encoded(at)) for at in range(12)])
    said = refused(tmp_path / "a")
    assert "12 keys in 1 tars lack one of them" in said and "KEY.txt beside KEY.jpg" in said
    write_tar(tmp_path / "b" / "x.tar", [("k1.jpg", encoded(1)), ("k1.txt", b"caf\xe9")])
    said = refused(tmp_path / "b", 1)
    assert "no UTF-8" in said and "x.tar, key k1" in said


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    for name, data in (("000010000.jpg", b"no picture"), ("000010000.jpg", encoded(24)[:200]), ("000010001.png", b"")):
        folder = write_pairs(tmp_path / f"{len(data)}", {name: data})
        said = refused(folder)
        assert "00001.tar, byte" in said and f"key {name.partition('.')[0]}" in said and "cannot be decoded" in said


@pytest.mark.parametrize("cut", [0, 100, 5_000, 512 * 9, -1_024 * 10 - 700])
def test_a_tar_that_is_cut_off_or_none_is_named(tars: Path, tmp_path: Path, cut: int) -> None:
    shutil.copytree(tars, tmp_path / "cut")
    path = tmp_path / "cut" / "00001.tar"
    path.write_bytes(path.read_bytes()[:cut])
    said = refused(tmp_path / "cut")
    assert "no whole tar" in said and "00001.tar" in said


def test_a_damaged_header_is_not_taken_for_the_end(tars: Path, tmp_path: Path) -> None:
    shutil.copytree(tars, tmp_path / "hurt")
    path = tmp_path / "hurt" / "00001.tar"
    data = bytearray(path.read_bytes())
    at = data.rindex(b"000010012.json")
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))
    assert "damaged" in refused(tmp_path / "hurt")


def test_a_tar_that_is_compressed_is_said(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.txt"))
    assert "no whole tar" in refused(tmp_path)
