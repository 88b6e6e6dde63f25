from __future__ import annotations

from pathlib import Path

import pytest

from taxonomy import TaxonomyError, build_taxonomy
from taxonomy.build.difference import diff_taxonomies

HEADER = "taxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\n"
BEFORE = HEADER + (
    "1\t\t\tAnimalia\tkingdom\taccepted\n2\t1\t\tFelidae\tfamily\taccepted\n3\t2\t\tFelis\tgenus\taccepted\n"
    "4\t3\t\tFelis concolor\tspecies\taccepted\n5\t3\t\tFelis leo\tspecies\taccepted\n"
    "6\t3\t\tFelis onca\tspecies\taccepted\n"
)
AFTER = HEADER + (
    "1\t\t\tAnimalia\tkingdom\taccepted\n2\t1\t\tFelidae\tfamily\taccepted\n3\t2\t\tFelis\tgenus\taccepted\n"
    "9\t2\t\tPuma\tgenus\taccepted\n4\t\t8\tFelis concolor\tspecies\tsynonym\n"
    "8\t9\t\tPuma concolor\tspecies\taccepted\n"
    "7\t3\t\tFelis leo\tspecies\tdoubtful\n"
)


def build(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).mkdir()
    (tmp_path / name / "cats.tsv").write_text(text)
    build_taxonomy([tmp_path / name / "cats.tsv"], tmp_path / name / "built")
    return tmp_path / name / "built"


def test_every_change_is_told_once_by_kind(tmp_path: Path) -> None:
    before, after = build(tmp_path, "a", BEFORE), build(tmp_path, "b", AFTER)
    changes = [tuple(row.values()) for row in diff_taxonomies(before, after).to_pylist()]
    assert changes == [
        ("added", "cats:8", "Puma concolor", None, "accepted"),
        ("added", "cats:9", "Puma", None, "accepted"),
        ("removed", "cats:6", "Felis onca", "accepted", None),
        ("new_id", "cats:7", "Felis leo", "cats:5", "cats:7"),
        ("status", "cats:4", "Felis concolor", "accepted", "synonym"),
        ("accepted", "cats:4", "Felis concolor", "Felis concolor", "Puma concolor"),
        ("moved", "cats:4", "Felis concolor", "Felis", None),
    ]
    assert diff_taxonomies(before, before).num_rows == 0


def test_a_folder_that_is_no_taxonomy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="no built taxonomy"):
        diff_taxonomies(build(tmp_path, "a", BEFORE), tmp_path)
