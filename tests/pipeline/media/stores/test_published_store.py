"""A published media store answers as the folder does that it was made of, which need not be there any more."""

from __future__ import annotations

import tarfile
import uuid
import zipfile
from pathlib import Path

import pytest

from pipeline.media.stores import open_store
from pipeline.media.stores.published_store import publish_store
from pipeline.model.errors import StorageError
from pipeline.model.fetched import Fetched
from pipeline.storage.places import RemotePath
from pipeline.storage.places.publisher import FOLDER, Publisher

ASKED = (
    *("a b.jpg", "ü.jpg", "50%.jpg", "x/1.jpg", "y/1.jpg", "./x/1.jpg", "x//1.jpg", "1.jpg", ".hidden.jpg", "#?.jpg"),
    *("x", "empty.jpg", "large.jpg", "gone.jpg", "../a b.jpg", "/etc/passwd", "a\\b.jpg", "", "x/1.jpg/2.jpg"),
    *(
        "out.jpg",
        "outside/f.jpg",
        "within.jpg",
        "loop/x/1.jpg",
        "dead.jpg",
        "inside.jpg",
        "deep/inside.jpg",
        "twice.jpg",
    ),
    *("parts.zip", "n" * 300),
)
CAP = 1_000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    return RemotePath.of(f"memory://{uuid.uuid4().hex}/run")


def drawn(folder: Path) -> Path:
    """Write a store with all that may lie in one."""
    for name in ("a b.jpg", "ü.jpg", "50%.jpg", "x/1.jpg", "y/1.jpg", ".hidden.jpg", "#?.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"picture {name}")
    (folder / "empty.jpg").touch()
    (folder / "large.jpg").write_bytes(bytes(CAP + 1))
    beside = folder.parent / "beside"
    beside.mkdir()
    (beside / "f.jpg").write_text("secret")
    for name, target in (
        ("out.jpg", beside / "f.jpg"),
        ("outside", beside),
        ("within.jpg", folder / "x" / "1.jpg"),
        ("loop", folder),
        ("dead.jpg", folder / "nothing"),
    ):
        (folder / name).symlink_to(target)
    with zipfile.ZipFile(folder / "parts.zip", "w") as archive:
        archive.writestr("deep/inside.jpg", "in a zip")
        archive.writestr("p/twice.jpg", "1")
    with tarfile.open(folder / "parts.tar", "w") as tar:
        tar.add(folder / "x" / "1.jpg", "q/twice.jpg")
    return folder


def answers(store: str) -> dict[str, Fetched]:
    with open_store(store) as opened:
        return {name: opened.read(name, CAP) for name in ASKED}


def test_every_answer_is_that_of_the_folder(tmp_path: Path, run: RemotePath) -> None:
    folder = drawn(tmp_path / "store")
    before = answers(str(folder))
    assert {answer.outcome.code for answer in before.values() if answer.outcome} == {
        "missing_file",
        "too_large",
        "empty",
    }
    text = publish_store(folder, Publisher(run)).text()
    folder.rename(tmp_path / "away")
    after = answers(text)
    assert {name: answer for name, answer in after.items() if answer != before[name]} == {}


@pytest.mark.parametrize("part", ["parts.zip", "parts.tar"])
def test_every_answer_is_that_of_the_archive(tmp_path: Path, run: RemotePath, part: str) -> None:
    archive = drawn(tmp_path / "store") / part
    before, text = answers(str(archive)), publish_store(archive, Publisher(run)).text()
    (tmp_path / "store").rename(tmp_path / "away")
    assert answers(text) == before and before["twice.jpg"].ok


def test_what_was_damaged_is_no_outcome_of_a_medium(tmp_path: Path, run: RemotePath) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "1.jpg").write_text("picture")
    text = publish_store(folder, Publisher(run)).text()
    for name in (run / FOLDER).listing():
        if (run / FOLDER / name).read_bytes() == b"picture":
            (run / FOLDER / name).write_bytes(b"Picture")
    with open_store(text) as store, pytest.raises(StorageError, match=r"published with: 1\.jpg"):
        store.read("1.jpg", CAP)
