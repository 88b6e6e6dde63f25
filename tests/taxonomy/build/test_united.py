"""What a united taxonomy keeps of its sources: who says what, what they disagree about, and what never mixes."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxonomy import Taxonomy, TaxonomyError, build_taxonomy
from tests.taxonomy.conftest import ask

Made = Callable[..., Taxonomy]
COLUMNS = (
    "taxonID parentNameUsageID acceptedNameUsageID scientificName scientificNameAuthorship taxonRank taxonomicStatus"
)
HEADER = COLUMNS.replace(" ", "\t") + "\n"
FIRST = HEADER + (
    "1\t\t\tPlantae\t\tkingdom\taccepted\n2\t1\t\tAsteraceae\t\tfamily\taccepted\n3\t2\t\tSphaeromeria\t\tgenus\taccepted\n"
    "4\t3\t\tSphaeromeria cana\t(D.C.Eaton) A.Heller\tspecies\taccepted\n"
    "5\t\t4\tTanacetum canum\tD.C.Eaton\tspecies\tsynonym\n"
)


def usage(taxonomy: Taxonomy, usage_id: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = pq.read_table(taxonomy.folder / "usages.parquet").to_pylist()
    return next(row for row in rows if row["usage_id"] == usage_id)


def test_a_synonym_of_the_later_taxon_finds_the_earlier_one(made: Made) -> None:
    second = HEADER + (
        "a\t\t\tViridiplantae\t\tkingdom\taccepted\nb\ta\t\tArtemisia\t\tgenus\taccepted\n"
        "c\tb\t\tArtemisia albicans\t\tspecies\taccepted\nd\t\tc\tSphaeromeria cana\t\tspecies\tsynonym\n"
        "e\tc\t\tArtemisia albicans minor\t\tsubspecies\taccepted\n"
    )
    taxonomy = made(FIRST, second)
    assert usage(taxonomy, "source0:4")["source_ids"] == ["source0:4", "source1:c", "source1:d"]
    # Its own name stays findable, as a synonym; what stood below it stands below the earlier taxon.
    assert ask(taxonomy, "Artemisia albicans")["accepted_id"] == "source0:4"
    assert (taxonomy.usage("source1:c").status, taxonomy.usage("source1:c").accepted_id) == ("synonym", "source0:4")
    assert taxonomy.usage("source1:e").parent_id == "source0:4"
    said = usage(taxonomy, "source0:4")
    assert {"field": "name", "source": "source1", "usage_id": "source1:c", "value": "Artemisia albicans"} in said[
        "conflicts"
    ]


def test_two_later_taxa_that_share_the_earlier_name_stay_apart(made: Made) -> None:
    second = HEADER + (
        "a\t\t\tPlantae\t\tkingdom\taccepted\nb\ta\t\tArtemisia\t\tgenus\taccepted\n"
        "c\tb\t\tArtemisia albicans\t\tspecies\taccepted\nd\t\tc\tTanacetum canum\t\tspecies\tsynonym\n"
        "e\tb\t\tArtemisia nova\t\tspecies\taccepted\nf\t\te\tTanacetum canum\t\tspecies\tsynonym\n"
    )
    taxonomy = made(FIRST, second)
    assert [taxonomy.usage(key).accepted_id for key in ("source1:c", "source1:e")] == ["source1:c", "source1:e"]


def test_what_each_source_says_is_kept_and_disagreement_is_recorded(made: Made) -> None:
    second = HEADER + (
        "a\t\t\tPlantae\t\tkingdom\taccepted\nb\ta\t\tCompositae\t\tfamily\taccepted\n"
        "c\tb\t\tSphaeromeria\t\tgenus\taccepted\nd\tc\t\tSphaeromeria cana\t\tspecies\tdoubtful\n"
        "e\tc\t\tSphaeromeria nana\t\tspecies\taccepted\nf\t\te\tTanacetum canum\t\tspecies\tsynonym\n"
    )
    taxonomy = made(FIRST, second)
    species = usage(taxonomy, "source0:4")
    assert (species["primary_source"], species["family"]) == ("source0", "Asteraceae")
    assert species["source_status"] == [
        {"usage_id": "source0:4", "status": "accepted"},
        {"usage_id": "source1:d", "status": "doubtful"},
    ]
    assert species["conflicts"] == [
        {"field": "family", "source": "source1", "usage_id": "source1:d", "value": "Compositae"}
    ]
    assert usage(taxonomy, "source0:5")["conflicts"] == [
        {"field": "accepted_name", "source": "source1", "usage_id": "source1:f", "value": "Sphaeromeria nana"}
    ]


def test_an_authorship_that_the_first_source_lacks_comes_from_the_next(made: Made) -> None:
    second = HEADER + "a\t\t\tPlantae\tHaeckel\tkingdom\taccepted\nb\ta\t\tSphaeromeria\tNutt.\tgenus\taccepted\n"
    third = second.replace("Nutt.", "Another")
    taxonomy = made(FIRST, second, third)
    assert (taxonomy.usage("source0:3").authorship, taxonomy.usage("source0:1").authorship) == ("Nutt.", "Haeckel")
    assert taxonomy.usage("source0:4").authorship == "(D.C.Eaton) A.Heller"


def test_a_moth_never_becomes_an_orchid(made: Made) -> None:
    first = HEADER + "1\t\t\tLepidoptera\t\torder\taccepted\n2\t1\t\tCydia bifida\t\tspecies\taccepted\n"
    second = HEADER + (
        "a\t\t\tLiliopsida\t\tclass\taccepted\nb\ta\t\tCydia bifida\t\tspecies\taccepted\n"
        "c\tb\t\tCydia bifida minor\t\tsubspecies\taccepted\n"
    )
    taxonomy = made(first, second)
    assert taxonomy.row("source1:b") >= 0
    assert [taxonomy.usage(f"source{n}").accepted_id for n in ("0:2", "1:b")] == ["source0:2", "source1:b"]


def test_a_crosswalk_goes_before_names(tmp_path: Path) -> None:
    texts = {
        "gbif/Taxon.tsv": "taxonID\tscientificName\ttaxonRank\tkingdom\ngbif:1\tLobelia fugax\tspecies\tPlantae\n"
        "gbif:2\tPratia alba\tspecies\tPlantae\n",
        "ncbi/Taxon.tsv": "taxonID\tscientificName\ttaxonRank\tkingdom\nncbi:1\tLobelia fugax\tspecies\tPlantae\n"
        "ncbi:2\tLobelia alba\tspecies\tPlantae\n",
        "ott3/taxonomy.tsv": "\t|\t".join(["uid", "parent_uid", "name", "rank", "sourceinfo", ""])
        + "\n7\t|\t\t|\tLobelia fugax\t|\tspecies\t|\tgbif:1\t|\t"
        + "\n8\t|\t\t|\tLobelia sp. EBK\t|\tspecies\t|\tncbi:1\t|\t"
        + "\n9\t|\t\t|\tLobelia alba\t|\tspecies\t|\tncbi:2,gbif:2\t|\t\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    build_taxonomy([tmp_path / name for name in ("gbif", "ncbi", "ott3")], tmp_path / "built")
    taxonomy = Taxonomy.open(tmp_path / "built")
    assert usage(taxonomy, "gbif:2")["source_ids"] == ["gbif:2", "ncbi:2", "ott:9"]
    assert (usage(taxonomy, "gbif:1")["source_ids"], usage(taxonomy, "ncbi:1")["source_ids"]) == (
        ["gbif:1", "ott:7"],
        ["ncbi:1", "ott:8"],
    )
    assert ask(taxonomy, "Lobelia alba")["accepted_id"] == "gbif:2"


VERNACULAR = "taxonID\tvernacularName\tlanguage\tisPreferredName\n"
TAXA = "taxonID\tscientificName\ttaxonRank\tkingdom\n1\tPuma concolor\tspecies\tAnimalia\n"


@pytest.mark.parametrize(
    ("languages", "expected"), [(("en",), "McGillivray's cat"), (("deu", "eng"), "Silberlöwe"), (("jpn",), "Puma")]
)
def test_common_names_follow_language_then_preference_then_source(
    tmp_path: Path, languages: tuple[str, ...], expected: str
) -> None:
    names = {
        "first": "1\tpuma\ten\t\n1\tPuma\tde\t\n1\tPuma\tces\t\n",
        "second": "1\tMcGillivray's cat\teng\ttrue\n1\tsilver lion\ten\t\n1\tSilberlöwe\tde\t1\n",
    }
    for name, rows in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Taxon.tsv").write_text(TAXA)
        (tmp_path / name / "VernacularName.tsv").write_text(VERNACULAR + rows)
    build_taxonomy([tmp_path / "first", tmp_path / "second"], tmp_path / "built", languages)
    chosen = ask(Taxonomy.open(tmp_path / "built"), "Puma concolor")
    assert chosen["vernacular_name"] == expected


def test_of_equal_names_the_one_that_most_rows_state_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/Taxon.tsv").write_text(TAXA)
    (tmp_path / "s/VernacularName.tsv").write_text(VERNACULAR + "1\tcougar\ten\t\n1\tpuma\ten\t\n1\tPuma\ten\t\n")
    build_taxonomy([tmp_path / "s"], tmp_path / "built")
    assert ask(Taxonomy.open(tmp_path / "built"), "Puma concolor")["vernacular_name"] == "Puma"


NAMES = ("Aus", "Bus", "Aus bus", "Aus cus", "Bus bus", "Bus cus")


@st.composite
def sources(draw: st.DrawFn) -> list[str]:
    """Two small sources with whatever parents, targets and ids: loops, gaps and duplicates among them."""
    found = []
    for _ in range(2):
        rows = []
        for number in range(draw(st.integers(1, 6))):
            name = draw(st.sampled_from(NAMES))
            rank = "species" if " " in name else "genus"
            links = [str(draw(st.integers(0, 6))) if draw(st.booleans()) else "" for _ in range(2)]
            status = draw(st.sampled_from(("accepted", "synonym", "doubtful", "ambiguous synonym", "")))
            rows.append(f"{draw(st.integers(number, number + 1))}\t{links[0]}\t{links[1]}\t{name}\t\t{rank}\t{status}")
        found.append(rows)
    return ["\n".join(rows) for rows in found]


@settings(max_examples=40, deadline=None)
@given(sources(), st.integers(0, 5))
@example(  # a genus below a species whose own genus is made on the way
    [
        "0\t\t\tAus\t\tgenus\taccepted\n1\t\t\tAus\t\tgenus\taccepted\n"
        "2\t\t\tAus bus\t\tspecies\taccepted\n3\t2\t\tBus\t\tgenus\taccepted",
        "0\t\t\tBus bus\t\tspecies\taccepted",
    ],
    0,
)
def test_any_two_sources_give_a_whole_tree_and_the_same_bytes_in_any_order_of_rows(texts: list[str], seed: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        contents = []
        for turn in range(2):
            folder = Path(temporary) / str(turn)
            folder.mkdir()
            paths = []
            for number, text in enumerate(texts):
                rows = text.split("\n")
                if turn:
                    random.Random(seed).shuffle(rows)
                paths.append(folder / f"s{number}.tsv")
                paths[-1].write_text(HEADER + "\n".join(rows) + "\n")
            try:
                build_taxonomy(paths, folder / "built")
            except TaxonomyError as error:
                assert "no accepted name" in str(error)
                return
            contents.append((folder / "built/usages.parquet").read_bytes())
            table = pq.read_table(folder / "built/usages.parquet")
        assert contents[0] == contents[1]
        rows_by_id = {row["usage_id"]: row for row in table.to_pylist()}
        for row in rows_by_id.values():
            if row["accepted_id"] is not None:
                accepted = rows_by_id[row["accepted_id"]]
                assert accepted["accepted_id"] == accepted["usage_id"]
            if row["species_id"]:
                assert row["genus_id"]
            seen, at = set(), row
            while at["parent_id"] is not None:
                assert at["usage_id"] not in seen
                seen.add(at["usage_id"])
                at = rows_by_id[at["parent_id"]]
