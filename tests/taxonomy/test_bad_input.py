"""What is wrong with a taxonomy's file is a clear error or a counted issue, and names file and row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taxonomy import TaxonomyError, build_taxonomy

HEADER = "taxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\n"
ROOT = "1\t\t\tAnimalia\tkingdom\taccepted\n"


def issues(tmp_path: Path, text: str | bytes) -> dict[str, Any]:
    """Build a taxonomy from one file and give its issues: kind -> (count, examples)."""
    path = tmp_path / "Taxon.tsv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    build_taxonomy([path], tmp_path / "built")
    manifest = json.loads((tmp_path / "built/MANIFEST.json").read_text(encoding="utf-8"))
    found = manifest["sources"][0]["issues"]
    return {kind: (count, found["examples"][kind]) for kind, count in found["counts"].items()}


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("taxonID\ttaxonRank\ttaxonomicStatus\tparentNameUsageID", "scientificName"),
        ("scientificName\ttaxonRank\ttaxonomicStatus", "taxonID"),
        ("ID\tparentID\tstatus\trank\tauthorship", "scientificName"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, header: str, missing: str) -> None:
    path = tmp_path / "NameUsage.tsv"
    path.write_text(header + "\n" + "\t".join("x" for _ in header.split("\t")) + "\n")
    with pytest.raises(TaxonomyError, match=f"lacks the column '{missing}'") as caught:
        build_taxonomy([path], tmp_path / "built")
    assert caught.value.where == f"{path}, line 1"
    assert missing in caught.value.expected


def test_a_cycle_of_parents_is_cut_and_named(tmp_path: Path) -> None:
    text = HEADER + ROOT + "2\t4\t\tAus\tfamily\taccepted\n3\t2\t\tBus\tgenus\taccepted\n4\t3\t\tCus\torder\taccepted\n"
    assert issues(tmp_path, text) == {"parent_loop": (1, ["Taxon.tsv, row 000000002: taxon:2"])}


def test_a_cycle_of_synonyms_is_named(tmp_path: Path) -> None:
    text = HEADER + ROOT + "2\t\t3\tAus\tgenus\tsynonym\n3\t\t2\tBus\tgenus\tsynonym\n"
    assert issues(tmp_path, text) == {
        "synonym_loop": (2, ["Taxon.tsv, row 000000002: taxon:2", "Taxon.tsv, row 000000003: taxon:3"])
    }


def test_a_chain_of_synonyms_is_flattened_and_counted(tmp_path: Path) -> None:
    text = HEADER + ROOT + "2\t\t3\tMetazoa\tkingdom\tsynonym\n3\t\t1\tZoa\tkingdom\tsynonym\n"
    assert issues(tmp_path, text) == {"synonym_chain_flattened": (1, ["Taxon.tsv, row 000000002: taxon:2"])}


def test_a_parent_or_target_that_does_not_exist_is_named(tmp_path: Path) -> None:
    text = HEADER + ROOT + "2\t99\t\tAus\tgenus\taccepted\n3\t\t98\tBus\tgenus\tsynonym\n"
    assert issues(tmp_path, text) == {
        "parent_missing": (1, ["Taxon.tsv, row 000000002: taxon:2"]),
        "accepted_usage_missing": (1, ["Taxon.tsv, row 000000003: taxon:3"]),
    }


def test_duplicate_ids_are_named(tmp_path: Path) -> None:
    text = HEADER + ROOT + "2\t1\t\tAus\tgenus\taccepted\n2\t1\t\tBus\tgenus\taccepted\n"
    assert issues(tmp_path, text) == {"duplicate_id": (1, ["Taxon.tsv, row 000000003: taxon:2"])}


def test_a_row_in_another_encoding_is_named_and_a_whole_file_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{i}\t1\t\tAus\tgenus\taccepted\n" for i in range(2, 60))
    good = (HEADER + ROOT + rows).encode()
    assert issues(tmp_path, good + b"99\t1\t\tN\xe9us\tgenus\taccepted\n") == {
        "row_is_not_utf8": (1, ["Taxon.tsv, row 000000060"])
    }
    with pytest.raises(TaxonomyError, match="rows are not UTF-8") as caught:
        issues(tmp_path, good.replace(b"Aus", b"A\xe9s"))
    assert (caught.value.where.endswith("first at row 2"), "iconv" in caught.value.remedy) == (True, True)


def test_an_unknown_status_or_rank_is_named(tmp_path: Path) -> None:
    text = HEADER + ROOT + "2\t1\t\tAus\tgenus\tperhaps\n3\t1\t\tBus\tbanana\taccepted\n"
    assert issues(tmp_path, text) == {
        "unknown_status": (1, ["Taxon.tsv, row 000000002: perhaps"]),
        "unknown_rank": (1, ["Taxon.tsv, row 000000003: banana"]),
    }


def test_rows_of_a_second_file_are_named_by_that_file(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / "nodes.dmp").write_text("1\t|\t1\t|\tno rank\t|\n2\t|\t7\t|\tgenus\t|\n")
    (folder / "names.dmp").write_text(
        "1\t|\troot\t|\t\t|\tscientific name\t|\n2\t|\tPuma\t|\t\t|\tscientific name\t|\n"
        "8\t|\tFelis\t|\t\t|\tsynonym\t|\n"
    )
    build_taxonomy([folder], tmp_path / "built")
    found = json.loads((tmp_path / "built/MANIFEST.json").read_text(encoding="utf-8"))["sources"][0]["issues"]
    assert found["examples"] == {
        "parent_missing": ["dump/nodes.dmp, row 000000002: ncbi:2"],
        "accepted_usage_missing": ["dump/names.dmp, row 000000003: ncbi:8/Felis"],
    }
