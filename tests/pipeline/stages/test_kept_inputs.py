"""What is kept of a run's inputs stands for them on a machine that lacks them, and never for what they became since."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from manifests import Recipe, RecipePath
from manifests.recipe import PrivacyRules, ScoresSpec, SourceSpec, TaxonomyRules
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.mirrors import Mirrors
from pipeline.media.published_reuse import publish_reused
from pipeline.media.reuse import REUSE_SCHEMA, reused
from pipeline.media.stores.published_store import publish_store
from pipeline.model.errors import SourceError
from pipeline.scores.joined import check_scores
from pipeline.stages.base import Context, Stage
from pipeline.stages.kept_inputs import check_present, find_kept, forget_kept, keep_inputs
from pipeline.stages.resolve import Resolve
from pipeline.stages.screen import Screen
from pipeline.stages.select import Select
from pipeline.stages.shared_index import shared_index
from pipeline.storage.files.atomic import write_table
from pipeline.storage.places import RemotePath
from pipeline.storage.places.publisher import Publisher
from pipeline.storage.run_folder import RunFolder
from pipeline.withdrawal import read_withdrawals
from taxonomy import Policy, build_taxonomy


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    return RemotePath.of(f"memory://{uuid.uuid4().hex}/run")


def recipe_in(folder: Path) -> Recipe:
    """Write a recipe's lists, of one name in two folders, and its index."""
    for part in ("a", "b"):
        (folder / part).mkdir(parents=True)
        (folder / part / "gone 100%.csv").write_text(f"media_key\ninat:{part}\n")
    (folder / "threatened.txt").write_text("Lynx lynx\n")
    (folder / "judge.csv").write_text("media_key,good\ninat:a,0.5\n")
    build_taxonomy(["default"], folder / "index")

    def path(name: str) -> RecipePath:
        return RecipePath(str(folder / name), name)

    return Recipe(
        "r",
        (SourceSpec("s", "eol", "s.tgz"),),
        withdraw=(path("a/gone 100%.csv"), path("b/gone 100%.csv")),
        taxonomy=TaxonomyRules(sources=(path("index"),)),
        privacy=PrivacyRules(threatened=path("threatened.txt")),
        scores=(ScoresSpec("judge", path("judge.csv"), "media_key"),),
    )


def elsewhere(recipe: Recipe, folder: Path, other: Path) -> Recipe:
    """Return the recipe as another machine reads it, in another folder."""

    def moved(path: str) -> RecipePath:
        return RecipePath(path.replace(str(folder), str(other)), path.removeprefix(f"{folder}/"))

    return dataclasses.replace(
        recipe,
        withdraw=tuple(map(moved, recipe.withdraw)),
        taxonomy=dataclasses.replace(recipe.taxonomy, sources=tuple(map(moved, recipe.taxonomy.sources))),
        privacy=dataclasses.replace(recipe.privacy, threatened=moved(recipe.privacy.threatened)),
        scores=tuple(dataclasses.replace(each, path=moved(each.path)) for each in recipe.scores or ()),
    )


def context_of(run: RemotePath, recipe: Recipe) -> Context:
    return Context(recipe, RunFolder(run), lambda line: None)


def stages() -> list[Stage]:
    return [Resolve(), Screen(), Select()]


def test_another_machine_takes_what_was_kept(run: RemotePath, tmp_path: Path) -> None:
    here = tmp_path / "here"
    recipe = recipe_in(here)
    publisher = Publisher(run)
    kept = stages()
    keep_inputs(kept, context_of(run, recipe), publisher)
    digests = [stage.inputs(context_of(run, recipe)) for stage in kept]
    again = Publisher(run)
    keep_inputs(stages(), context_of(run, recipe), again)
    assert publisher.uploads > 3 and again.uploads == 0
    here.rename(tmp_path / "away")
    there = elsewhere(recipe, here, tmp_path / "there")
    found = find_kept(run, others := stages(), there)
    assert found == others and [stage.inputs_now(context_of(run, there)) for stage in others] == digests
    context = context_of(run, there)
    check_present(run, found, context)
    for stage in found:
        context = stage.take(context)
    assert read_withdrawals(context.recipe.withdraw)["match"].to_pylist() == ["inat:a", "inat:b"]
    assert Path(context.recipe.privacy.threatened).read_text() == "Lynx lynx\n"
    assert check_scores(context.recipe)["judge"].rows.to_pylist() == [{"key": "inat:a", "good": 0.5}]
    assert context.given_index is not None and shared_index(str(context.given_index), Policy()).build_id
    assert (
        shared_index(others[0].kept["index"], Policy()).build_id
        == shared_index(str(context.given_index), Policy()).build_id
    )


def test_what_changed_is_not_passed_over(run: RemotePath, tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path / "here")
    keep_inputs([Screen()], context_of(run, recipe), Publisher(run))
    Path(recipe.withdraw[0]).unlink()
    context = context_of(run, recipe)
    [found] = find_kept(run, stages(), recipe)
    check_present(run, [found], context)
    Path(recipe.withdraw[1]).write_text("media_key\ninat:c\n")
    with pytest.raises(SourceError, match="an input is not on this machine") as caught:
        check_present(run, [found], context)
    assert caught.value.where == recipe.withdraw[0] and "b/gone 100%.csv as it was" in caught.value.expected
    other = dataclasses.replace(recipe, withdraw=recipe.withdraw[:1])
    assert find_kept(run, stages(), other) == []  # kept of another recipe
    assert find_kept(run, stages(), dataclasses.replace(recipe, scores=None)) == []
    forget_kept(Screen(), context)  # a driver without such workers has made the stage of files of its own
    assert find_kept(run, stages(), recipe) == []


def test_a_machine_that_has_all_inputs_takes_none(run: RemotePath, tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path / "here")
    keep_inputs(stages(), context_of(run, recipe), Publisher(run))
    assert find_kept(run, stages(), recipe) == []


def test_images_of_another_run_are_published_for_those_who_take_them(run: RemotePath, tmp_path: Path) -> None:
    other = tmp_path / "other" / "fetch"
    (other / "blobs").mkdir(parents=True)
    (other / "blobs" / "u.bin").write_bytes(b"0123456789")
    row = dict.fromkeys(REUSE_SCHEMA.names)
    row |= {"media_id": "m", "image_id": "i", "unit": "u", "offset": 2, "length": 3, "into": "v", "folder": str(other)}
    row["stored_sha256"] = hashlib.sha256(b"234").hexdigest()
    write_table(run / "fetch" / "reuse.parquet", pa.Table.from_pylist([row], REUSE_SCHEMA))
    publish_reused(run / "fetch" / "reuse.parquet", Publisher(run), 100)
    (tmp_path / "other").rename(tmp_path / "away")
    wanted = [{"media_id": "m", "image_id": "i"}]
    [[(found, data)]] = reused(run / "fetch", "reuse.parquet", "v", wanted, ())
    assert data == b"234" and set(found) == set(MEDIA_SCHEMA.names) - {"unit", "offset", "length"}


def test_an_image_of_another_run_that_is_not_what_it_encoded_is_not_taken(run: RemotePath, tmp_path: Path) -> None:
    other = tmp_path / "other" / "fetch"
    (other / "blobs").mkdir(parents=True)
    (other / "blobs" / "u.bin").write_bytes(b"0123456789")
    row = dict.fromkeys(REUSE_SCHEMA.names) | {"unit": "u", "into": "v", "folder": str(other), "length": 3}
    rows = [
        {**row, "media_id": media, "image_id": f"{media}/{box}", "offset": box}
        | {"stored_sha256": hashlib.sha256(b"0123456789"[box : box + 3] if media == "m" or box else b"021").hexdigest()}
        for media in "mn"
        for box in range(2)
    ]
    write_table(run / "fetch" / "reuse.parquet", pa.Table.from_pylist(rows, REUSE_SCHEMA))
    wanted = [{"media_id": each["media_id"], "image_id": each["image_id"]} for each in rows]
    [found] = reused(run / "fetch", "reuse.parquet", "v", wanted, ())
    assert [(each["image_id"], data) for each, data in found] == [("m/0", b"012"), ("m/1", b"123")]


def test_a_mirror_is_read_where_it_was_published(run: RemotePath, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "1 a.jpg").write_bytes(b"abc")
    text = publish_store(folder, Publisher(run)).text()
    folder.rename(tmp_path / "away")
    with Mirrors([f"https://example.org/photos/={text}"]) as mirrors:
        held = mirrors.read("https://example.org/photos/1%20a.jpg?size=large", 100)
        assert held is not None and held.data == b"abc"
        assert mirrors.read("https://example.org/photos/2.jpg", 100) is None
