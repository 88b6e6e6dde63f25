"""A copy of the shards at an address is the same dataset: same digests, same batches, whole or not there."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manifests import load_recipe, recipe_digest
from pipeline.export.publish import publish
from pipeline.feed import Feed, Rules, View
from pipeline.model.errors import FeedError, RunError, SourceError, StorageError, VerifyError
from pipeline.run.driver import run
from pipeline.storage.files.file_systems import file_system
from pipeline.storage.stores.inputs import localised
from tests.conftest import Demo
from tests.failing_file_system import failing_with
from tests.pipeline.storage.files.test_failures import client_error
from tests.s3_server import s3_server

RULES = Rules(batch=16, mode="stream", chunk=16, open_shards=2)
SMALL = View(size=16)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as bucket:
        yield bucket


@pytest.fixture(params=["file", "memory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/{tmp_path.name}"
    return f"file://{tmp_path}/there" if request.param == "file" else f"memory://{tmp_path.name}"


def digests(where: str | Path) -> list[str]:
    return [batch.digest() for batch in Feed(where, RULES, SMALL).steps(0, 6)]


def test_a_copy_has_the_same_digests_and_gives_the_same_batches(demo: Demo, place: str) -> None:
    lines = list(publish(demo.out, place, check=True))
    assert lines[0].startswith("11 of 11 files") and "read back" in lines[1]
    fs, top = file_system(place)
    assert fs.cat_file(f"{top}/shards/checksums.sha256") == (demo.out / "shards" / "checksums.sha256").read_bytes()
    for path in fs.find(f"{top}/shards"):
        name = path.rsplit("/", 1)[-1]
        assert (
            hashlib.sha256(fs.cat_file(path)).digest()
            == hashlib.sha256((demo.out / "shards" / name).read_bytes()).digest()
        )
    assert digests(f"{place}/shards") == digests(demo.out)
    index = dataclasses.replace(RULES, mode="index", where="class = 'Insecta'", batch=4)
    assert Feed(f"{place}/shards", index, SMALL).batch(3).digest() == Feed(demo.out, index, SMALL).batch(3).digest()
    assert next(publish(demo.out, place)).startswith("0 of 11")


def test_a_copy_that_was_cut_off_goes_on_and_is_never_taken_for_whole(
    demo: Demo, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs, top = file_system(place)
    # fsspec gives the same object to all who ask for the address; a folder is written without it.
    owner, name = (shutil, "copyfile") if place.startswith("file:") else (fs, "put_file")
    put, count = getattr(owner, name), [0]

    def failing(*args: Any, **more: Any) -> None:
        count[0] += 1
        if count[0] > 4:
            raise OSError("the connection is gone")
        put(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        with pytest.raises(StorageError, match="the shards cannot be copied: the connection is gone"):
            list(publish(demo.out, place))
    assert not fs.exists(f"{top}/shards/checksums.sha256")
    assert next(publish(demo.out, place)).startswith("7 of 11")
    assert fs.exists(f"{top}/shards/checksums.sha256") and not fs.exists(f"{top}/shards/publishing.sha256")


def test_a_new_copy_replaces_the_earlier_one_and_leaves_no_shard_of_it(demo: Demo, place: str, tmp_path: Path) -> None:
    list(publish(demo.out, place))
    out = tmp_path / "run"
    shutil.copytree(demo.out, out)
    rules = dataclasses.replace(demo.recipe.shards, samples_per_shard=1000)
    run(dataclasses.replace(demo.recipe, shards=rules), out, until="shards")
    list(publish(out, place, check=True))
    fs, top = file_system(place)
    there = {path.rsplit("/", 1)[-1] for path in fs.find(f"{top}/shards")}
    assert {name for name in there if name.endswith(".tar")} == {"demo-train-000000.tar", "demo-val-000000.tar"}


def test_shards_of_something_else_are_not_mixed_with(demo: Demo, place: str) -> None:
    fs, top = file_system(place)
    fs.makedirs(f"{top}/shards", exist_ok=True)
    fs.pipe_file(f"{top}/shards/other-000000.tar", b"x")
    with pytest.raises(RunError, match="shards of something else"):
        list(publish(demo.out, place))


def test_damage_is_found_before_and_after_the_copy(demo: Demo, place: str, tmp_path: Path) -> None:
    list(publish(demo.out, place))
    fs, top = file_system(place)
    name = "demo-train-000001.tar"
    fs.pipe_file(f"{top}/shards/{name}", b"y" * (demo.out / "shards" / name).stat().st_size)
    with pytest.raises(VerifyError, match="has changed"):
        list(publish(demo.out, place, check=True))
    out = tmp_path / "run"
    shutil.copytree(demo.out, out)
    (out / "shards" / name).write_bytes(b"z")
    with pytest.raises(VerifyError, match="has changed"):
        list(publish(out, f"{place}-2"))


def test_sources_at_an_address_give_the_same_bytes_as_on_disk(demo: Demo, place: str, tmp_path: Path) -> None:
    fs, top = file_system(place)
    source = next(each for each in demo.recipe.sources if Path(each.path).is_file())
    fs.makedirs(top, exist_ok=True)
    fs.put_file(str(source.path), f"{top}/{Path(source.path).name}")
    address = f"{place}/{Path(source.path).name}"
    recipe = load_recipe(demo.corpus.recipe)
    moved = dataclasses.replace(
        recipe,
        sources=tuple(dataclasses.replace(s, path=address) if s.name == source.name else s for s in recipe.sources),
    )
    told: list[str] = []
    copied = localised(moved, tmp_path / "inputs", told.append)
    found = next(each for each in copied.sources if each.name == source.name)
    assert Path(found.path).read_bytes() == Path(source.path).read_bytes()
    assert recipe_digest(copied) == recipe_digest(moved)
    assert len(told) == 1
    localised(moved, tmp_path / "inputs", told.append)
    assert len(told) == 1, "an unchanged original is not copied again"
    fs.pipe_file(f"{top}/{Path(source.path).name}", b"another")
    again = localised(moved, tmp_path / "inputs", told.append)
    assert Path(next(s for s in again.sources if s.name == source.name).path).read_bytes() == b"another"
    gone = dataclasses.replace(recipe, sources=(dataclasses.replace(source, path=f"{place}/none.zip"),))
    with pytest.raises(SourceError, match="cannot be read"):
        localised(gone, tmp_path / "inputs", told.append)


def test_a_folder_at_an_address_is_copied_whole(tmp_path: Path, demo: Demo) -> None:
    there = tmp_path / "there"
    (there / "a").mkdir(parents=True)
    (there / "a" / "b.txt").write_text("b")
    (there / "c.txt").write_text("c")
    moved = dataclasses.replace(
        demo.recipe, benchmarks=(dataclasses.replace(demo.recipe.benchmarks[0], path=f"file://{there}"),)
    )
    copied = Path(localised(moved, tmp_path / "inputs", lambda _: None).benchmarks[0].path)
    files = {path.relative_to(there) for path in there.rglob("*") if path.is_file()}
    assert len(files) == 2 and {path.relative_to(copied) for path in copied.rglob("*") if path.is_file()} == files


def test_what_cannot_be_is_refused_with_a_reason(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        list(publish(demo.out, "nosuch://a/b"))
    with pytest.raises(StorageError, match="lost a slash"):
        run(demo.recipe, Path("s3://bucket/run"))
    with pytest.raises(FeedError, match="cannot be read"):
        Feed("memory://nothing/here", RULES, SMALL)
    with pytest.raises(RunError):
        list(publish(tmp_path, "memory://x"))


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown"])
def test_an_error_of_the_client_is_told_and_no_traceback(demo: Demo, code: str) -> None:
    with (
        failing_with(client_error(code)) as address,
        pytest.raises(StorageError, match=f"the shards cannot be copied: .*{code}") as caught,
    ):
        list(publish(demo.out, address))
    assert caught.value.where == address


def test_a_folder_of_this_machine_is_a_place_too(demo: Demo, tmp_path: Path) -> None:
    list(publish(demo.out, str(tmp_path / "there"), check=True))
    assert digests(tmp_path / "there") == digests(demo.out)
    other = tmp_path / "there" / "shards" / "deep"
    other.mkdir()
    shutil.copy(demo.out / "shards" / "demo-train-000000.tar", other)
    (tmp_path / "there" / "shards" / "checksums.sha256").unlink()
    with pytest.raises(RunError, match="deep/demo-train-000000"):
        list(publish(demo.out, str(tmp_path / "there")))
