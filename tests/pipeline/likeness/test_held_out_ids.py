"""Benchmarks of a recipe: manifests, tables and keys brought together, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from manifests import BenchmarkSpec, RecipeError, load_benchmark, shipped_benchmarks
from pipeline.likeness.held_out_ids import held_out_sources
from pipeline.likeness.taxa import overlap
from pipeline.lists.taxon_lists import read_taxa

DATA = Path(__file__).parents[3] / "../shared/data"


@pytest.mark.parametrize("name", shipped_benchmarks())
def test_every_shipped_manifest_loads(name: str) -> None:
    manifest = load_benchmark(f"shipped://{name}")
    assert manifest.name == name
    assert manifest.title
    with pytest.raises(RecipeError, match="would hold nothing out"):
        held_out_sources(BenchmarkSpec(name, f"shipped://{name}"))


def test_a_published_table_becomes_keys_by_the_manifest(tmp_path: Path) -> None:
    table = tmp_path / "metadata.csv.gz"
    table.write_bytes(gzip.compress(b"filenumber,scientific_name\n12,Puma concolor\n,Lynx lynx\n,\n"))
    found = held_out_sources(BenchmarkSpec("mine", "shipped://biotrove-unseen", table=str(table)))
    assert found.unseen_species
    assert found.keys == (
        {"benchmark": "mine", "media_key": "inat:12", "taxon": "Puma concolor"},
        {"benchmark": "mine", "taxon": "Lynx lynx"},
    )
    assert found.files == (str(table),)


def test_a_manifest_of_ones_own_may_hold_images_hashes_and_keys(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nimages = "images"\nhashes = "set.parquet"\nrecord_keys = ["gbif:7"]\n'
        'occurrence_keys = ["urn:1"]\ntaxa = ["Puma concolor"]\nunseen_species = true\n'
    )
    (tmp_path / "ids.csv").write_text("media_key,taxon,other\ninat:1,,x\n,,\n")
    spec = BenchmarkSpec("b", str(tmp_path / "mine.toml"), ids=str(tmp_path / "ids.csv"))
    found = held_out_sources(spec)
    assert (found.images, found.hashes) == (str(tmp_path / "images"), str(tmp_path / "set.parquet"))
    assert [row | {"benchmark": ""} for row in found.keys] == [
        {"benchmark": "", "record_key": "gbif:7"},
        {"benchmark": "", "occurrence_key": "urn:1"},
        {"benchmark": "", "taxon": "Puma concolor"},
        {"benchmark": "", "media_key": "inat:1", "taxon": ""},
    ]


def test_what_cannot_be_read_names_file_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("photo\n1\n")
    with pytest.raises(RecipeError, match="no column filenumber"):
        held_out_sources(BenchmarkSpec("b", "shipped://biotrove-unseen", table=str(tmp_path / "t.csv")))
    with pytest.raises(RecipeError, match="write 'shipped://biotrove-unseen'"):
        load_benchmark("shipped://biotrove-unsen")
    (tmp_path / "bad.toml").write_text('name = "x"\nmedia_key = ["a"]\n')
    with pytest.raises(RecipeError, match="media_keys"):
        load_benchmark(str(tmp_path / "bad.toml"))


def test_the_unseen_species_of_a_published_benchmark_are_compared_by_species() -> None:
    held, train = (
        DATA / "sources/inat/biotrove_unseen_metadata.csv.gz",
        DATA / "taxonomy/inat21/inat2021-categories.csv",
    )
    if not held.exists():
        pytest.skip("the published lists are not at hand")
    found = overlap(read_taxa(held), read_taxa(train))
    assert len(set(read_taxa(held))) == 300
    assert len(found) == 31
    assert ("Accipiter nisus granti", "Accipiter nisus") in {(each.taxon, each.trained_as) for each in found}
