"""Taxa that a benchmark holds out: by which accepted species, and which hold nothing out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.likeness.taxa import HELD_TAXA_SCHEMA, Overlap, held_taxa, overlap, species_keys
from pipeline.storage.files.atomic import write_table
from taxonomy import Taxonomy, build_taxonomy

LISTED = pa.schema([("benchmark", pa.string()), ("taxon", pa.string())])


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taxonomy") / "index"
    build_taxonomy(["default"], folder)
    return folder


def held(holdout: Path, index: Path, *listed: tuple[str, str]) -> pa.Table:
    rows = [{"benchmark": benchmark, "taxon": taxon} for benchmark, taxon in listed]
    write_table(holdout / "taxa" / "part.parquet", pa.Table.from_pylist(rows, LISTED))
    return held_taxa(holdout, index)


PUMA = {"accepted_name": "Puma concolor", "species": "Puma concolor", "species_id": "bm:Puma-concolor"}


def test_a_taxon_holds_out_the_accepted_species_behind_it_and_nothing_above_it(tmp_path: Path, index: Path) -> None:
    names = ["Puma concolor cougar", "Felis concolor", "Puma", "Nonexistus imaginarius"]
    table = held(tmp_path, index, *(("b", name) for name in names))
    assert table.schema.equals(HELD_TAXA_SCHEMA)
    nothing = {"species": None, "species_id": None, "benchmark": "b"}
    assert table.to_pylist() == [
        {**PUMA, "benchmark": "b", "taxon": "Felis concolor", "match_type": "CANONICAL", "accepted_rank": "species"},
        {"taxon": "Nonexistus imaginarius", "match_type": "NONE", "accepted_name": None, "accepted_rank": None}
        | nothing,
        {"taxon": "Puma", "match_type": "CANONICAL", "accepted_name": "Puma", "accepted_rank": "genus"} | nothing,
        {**PUMA, "benchmark": "b", "taxon": "Puma concolor cougar", "match_type": "SPECIES_OF_TRINOMIAL"}
        | {"accepted_rank": "species"},
    ]


def test_each_benchmark_lists_its_own_taxa_once_in_the_order_of_their_names(tmp_path: Path, index: Path) -> None:
    listed = [("b", "Puma concolor"), ("a", "Puma concolor"), ("b", "Panthera leo"), ("b", "Puma concolor")]
    table = held(tmp_path, index, *listed)
    assert [(row["benchmark"], row["taxon"]) for row in table.to_pylist()] == sorted(set(listed))


def test_the_taxonomy_is_opened_only_where_a_taxon_is_held_out(tmp_path: Path) -> None:
    table = held(tmp_path, tmp_path / "absent")
    assert table.schema.equals(HELD_TAXA_SCHEMA) and table.num_rows == 0


CASES = [
    ("Puma concolor (Linnaeus, 1771)", "bm:Puma-concolor", "Puma concolor"),
    ("Puma concolor cougar", "bm:Puma-concolor", "Puma concolor"),
    ("Felis concolor", "bm:Puma-concolor", "Felis concolor"),
    ("Puma", "", ""),
    ("Felidae", "", ""),
    ("Nonexistus imaginarius alter", "Nonexistus imaginarius", "Nonexistus imaginarius"),
    ("Junco hyemalis mearnsi × caniceps", "Junco hyemalis", "Junco hyemalis"),
    ("Anas platyrhynchos × Anas acuta", "", ""),
    ("Salix alba × fragilis", "", ""),
]
"""A name, its species in the taxonomy, and its species by its letters."""


def test_names_are_compared_by_accepted_species_or_by_their_letters_where_there_is_no_taxonomy(index: Path) -> None:
    names = [name for name, *_ in CASES]
    assert species_keys(names, Taxonomy.open(index)) == [known for _, known, _ in CASES]
    assert species_keys(names, None) == [letters for *_, letters in CASES]


def test_a_held_out_name_overlaps_by_the_first_training_name_of_its_species(index: Path) -> None:
    held_out = ["Puma concolor cougar", "Felis concolor", "Panthera leo", "Puma", "Felis concolor"]
    train = ["Puma", "Puma concolor", "Felis concolor"]
    assert overlap(held_out, train, Taxonomy.open(index)) == [
        Overlap("Felis concolor", "bm:Puma-concolor", "Puma concolor"),
        Overlap("Puma concolor cougar", "bm:Puma-concolor", "Puma concolor"),
    ]
    assert overlap(held_out, train) == [
        Overlap("Felis concolor", "Felis concolor", "Felis concolor"),
        Overlap("Puma concolor cougar", "Puma concolor", "Puma concolor"),
    ]
