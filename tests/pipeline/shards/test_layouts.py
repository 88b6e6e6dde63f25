"""Layouts add the members that published loaders read, and the bytes of a shard stay within the recipe's bound."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests.recipe import LAYOUTS
from pipeline.run.driver import run
from pipeline.shards import bounded_count, captions, member_suffixes, sample_locations, text_members
from tests.conftest import Demo

LYNX = {"kingdom": "Animalia", "family": "Felidae", "genus": "Lynx", "species": "Lynx lynx"}


def test_the_ten_texts_are_those_of_treeoflife_10m() -> None:
    found = {suffix: text.decode() for suffix, text in text_members("treeoflife10m", LYNX, "Eurasian lynx")}
    assert found == {
        "scientific_name.txt": "Lynx lynx",
        "taxonomic_name.txt": "Animalia Felidae Lynx lynx",
        "common_name.txt": "Eurasian lynx",
        "sci.txt": "a photo of Lynx lynx.",
        "com.txt": "a photo of Eurasian lynx.",
        "taxon.txt": "a photo of Animalia Felidae Lynx lynx.",
        "taxonTag.txt": "a photo of kingdom Animalia family Felidae genus Lynx species lynx.",
        "sci_com.txt": "a photo of Lynx lynx with common name Eurasian lynx.",
        "taxon_com.txt": "a photo of Animalia Felidae Lynx lynx with common name Eurasian lynx.",
        "taxonTag_com.txt": (
            "a photo of kingdom Animalia family Felidae genus Lynx species lynx with common name Eurasian lynx."
        ),
    }


@pytest.mark.parametrize("gap", [None, "", "None", "incertae sedis", "Linnaeus, 1758"])
def test_a_missing_species_is_left_out_of_all_ten_alike(gap: str | None) -> None:
    found = [text.decode() for _, text in text_members("treeoflife10m", {**LYNX, "species": gap}, None)]
    assert not [text for text in found if "None" in text or "species" in text or "Linnaeus" in text or "  " in text]
    assert (
        text_members("bioclip", {**LYNX, "species": gap}, None) == captions({**LYNX, "species": None}, None).members()
    )


def test_a_layout_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no such layout"):
        text_members("bioclip3", LYNX, None)


@pytest.mark.parametrize("limit", [1, 30, 99, 100, 10_000])
def test_the_number_of_shards_grows_until_the_largest_fits(limit: int) -> None:
    sizes = [7, 30, 11, 5, 29, 30, 2, 17]

    def largest(shards: int) -> int:
        return max(sum(size for place, size in enumerate(sizes) if place % shards == shard) for shard in range(shards))

    found = bounded_count(len(sizes), 1, limit, largest)
    assert largest(found) <= limit or found == len(sizes)
    assert found == 1 or largest(found - 1) > limit


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_shard_is_larger_than_the_recipe_allows(demo: Demo, tmp_path: Path, layout: str) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out)
    rules = dataclasses.replace(demo.recipe.shards, samples_per_shard=10_000, max_mb=1, layout=layout)
    run(dataclasses.replace(demo.recipe, shards=rules), out, until="shards")
    sizes = [path.stat().st_size for path in sorted((out / "shards").glob("demo-train-*.tar"))]
    assert 3 <= len(sizes) <= 12 and max(sizes) <= 1_000_000
    suffixes = {member.suffix for place in sample_locations(out / "shards" / "demo-train-000000.tar")
                for member in place.members}  # fmt: skip
    assert suffixes == set(member_suffixes(layout))


def test_stored_images_enter_the_shard_as_they_are(demo: Demo) -> None:
    """The bytes of a sample are those that fetch stored: there is no second lossy encoding."""
    plan = {row["record_id"]: row for row in pq.read_table(demo.out / "shards" / "plan.parquet").to_pylist()}
    for row in pq.read_table(demo.out / "shards" / "manifest.parquet").to_pylist()[::11]:
        at = plan[row["record_id"]]
        with (demo.out / "fetch" / "blobs" / f"{at['unit']}.bin").open("rb") as blob:
            blob.seek(at["blob_offset"])
            stored = blob.read(at["blob_length"])
        with (demo.out / "shards" / row["shard"]).open("rb") as shard:
            shard.seek(row["jpg_offset"])
            assert shard.read(row["jpg_length"]) == stored
