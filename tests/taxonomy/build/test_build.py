from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxonomy import Taxonomy, TaxonomyError, build_taxonomy
from taxonomy.readers.default import FOLDER

Made = Callable[..., Taxonomy]
HEADER = "taxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\n"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def issues(taxonomy: Taxonomy) -> dict[str, int]:
    manifest = json.loads((taxonomy.folder / "MANIFEST.json").read_text())
    found: dict[str, int] = dict(manifest["issues"]["counts"])
    for source in manifest["sources"]:
        found |= source["issues"]["counts"]
    return found


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, default: Taxonomy) -> None:
    again = tmp_path / "again"
    assert build_taxonomy(["default"], again) == default.build_id
    assert files(again) == files(default.folder)


def test_an_index_with_other_things_beside_it_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "built"
    folder.mkdir()
    (tmp_path / "a.txtree").write_text("Animalia [kingdom]\n")
    build_taxonomy([tmp_path / "a.txtree"], folder)
    (tmp_path / "a.txtree").write_text("Animalia [kingdom]\n  Felidae [family]\n")
    (folder / "notes.txt").write_text("mine")
    before = files(folder)
    with pytest.raises(TaxonomyError, match=r"holds other things: 'notes\.txt'"):
        build_taxonomy([tmp_path / "a.txtree"], folder)
    assert files(folder) == before
    (folder / "notes.txt").unlink()
    build_taxonomy([tmp_path / "a.txtree"], folder)
    assert files(folder) != before


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_in_a_file_changes_nothing(tmp_path: Path, default: Taxonomy, seed: int) -> None:
    mixer = random.Random(seed)
    folder = tmp_path / str(seed)
    (folder / "bm").mkdir(parents=True, exist_ok=True)
    for given_name, name in (("default.tsv", "taxon.tsv"), ("default_vernacular.tsv", "vernacular.tsv")):
        header, *rows = (FOLDER / given_name).read_text(encoding="utf-8").splitlines()
        mixer.shuffle(rows)
        (folder / "bm" / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    build_taxonomy([folder / "bm"], folder / "built")
    mixed, original = files(folder / "built"), files(default.folder)
    del mixed["MANIFEST.json"], original["MANIFEST.json"]
    assert mixed == original


def test_a_standing_build_is_kept_and_another_one_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "taxonomy"
    first = build_taxonomy(["default"], folder)
    stamp = (folder / "MANIFEST.json").stat().st_ino
    assert build_taxonomy(["default"], folder) == first
    assert (folder / "MANIFEST.json").stat().st_ino == stamp
    other = tmp_path / "other.tsv"
    other.write_text(HEADER + "1\t\t\tRana\tgenus\taccepted\n")
    second = build_taxonomy([other], folder)
    assert Taxonomy.open(folder, check=True).build_id == second != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.tsv", "taxonomy"]


def test_half_an_index_is_built_again(tmp_path: Path) -> None:
    folder = tmp_path / "taxonomy"
    build = build_taxonomy(["default"], folder)
    (folder / "rows.npy").unlink()
    with pytest.raises(TaxonomyError, match="missing or not whole"):
        Taxonomy.open(folder)
    assert build_taxonomy(["default"], folder) == build
    Taxonomy.open(folder, check=True)


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(TaxonomyError, match="not empty"):
        build_taxonomy(["default"], tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text(HEADER)
    with pytest.raises(TaxonomyError, match="no accepted name"):
        build_taxonomy([tmp_path / "x.tsv"], tmp_path / "built")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]
    with pytest.raises(TaxonomyError, match="no taxonomy is given"):
        build_taxonomy([], tmp_path / "built")


def test_a_changed_byte_is_found_when_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "taxonomy"
    build_taxonomy(["default"], folder)
    path = folder / "parent.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    Taxonomy.open(folder)
    with pytest.raises(TaxonomyError, match="has changed") as caught:
        Taxonomy.open(folder, check=True)
    assert caught.value.where == str(path)


def test_a_folder_that_is_no_index_or_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="no built taxonomy"):
        Taxonomy.open(tmp_path)
    for text, message in (("{", "cannot be read"), ('{"format": 99}', "format 99"), ("[]", "format None")):
        (tmp_path / "MANIFEST.json").write_text(text)
        with pytest.raises(TaxonomyError, match=message):
            Taxonomy.open(tmp_path)


def test_synonym_chains_are_flattened_and_loops_are_counted(made: Made) -> None:
    rows = "1\t\t\tRana\tgenus\taccepted\n2\t1\t\tRana alba\tspecies\taccepted\n"
    rows += "3\t\t2\tRana cana\tspecies\tsynonym\n4\t\t3\tRana dura\tspecies\tsynonym\n"
    rows += "5\t\t6\tRana ecta\tspecies\tsynonym\n6\t\t5\tRana fera\tspecies\tsynonym\n"
    rows += "7\t\t99\tRana gracilis\tspecies\tsynonym\n"
    taxonomy = made(HEADER + rows)
    assert taxonomy.usage("source0:4").accepted_id == "source0:2"
    assert taxonomy.usage("source0:5").accepted_id is None
    assert issues(taxonomy) == {"synonym_chain_flattened": 1, "synonym_loop": 2, "accepted_usage_missing": 1}


def test_parent_loops_missing_parents_and_double_ids_are_counted_and_do_no_harm(made: Made) -> None:
    rows = "1\t3\t\tAves\tclass\taccepted\n2\t1\t\tTytonidae\tfamily\taccepted\n3\t2\t\tTyto\tgenus\taccepted\n"
    rows += (
        "4\t3\t\tTyto alba\tspecies\taccepted\n5\t77\t\tBubo\tgenus\taccepted\n4\t3\t\tTyto alba\tspecies\taccepted\n"
    )
    taxonomy = made(HEADER + rows)
    assert issues(taxonomy) == {"parent_loop": 1, "parent_missing": 1, "duplicate_id": 1}
    assert dict(taxonomy.usage("source0:4").classification) == {
        "class": "Aves", "family": "Tytonidae", "genus": "Tyto", "species": "Tyto alba",
    }  # fmt: skip


def test_a_species_always_stands_under_a_genus_even_if_the_source_forgot_it(made: Made) -> None:
    rows = "1\t\t\tFelidae\tfamily\taccepted\n2\t1\t\tPuma concolor\tspecies\taccepted\n"
    rows += "3\t1\t\tLynx lynx lynx\tsubspecies\taccepted\n4\t1\t\tFelis\tgenus\taccepted\n"
    rows += "5\t1\t\tFelis catus\tspecies\taccepted\n"
    taxonomy = made(HEADER + rows)
    assert dict(taxonomy.usage("source0:2").classification)["genus"] == "Puma"
    lynx = dict(taxonomy.usage("source0:3").classification)
    assert (lynx["species"], lynx["genus"], lynx["family"]) == ("Lynx lynx", "Lynx", "Felidae")
    assert taxonomy.usage("source0:5").parent_id == "source0:4"


def test_ranks_that_stand_upside_down_are_not_written_into_the_lineage(made: Made) -> None:
    rows = "1\t\t\tStrigiformes\torder\taccepted\n2\t1\t\tAves\tclass\taccepted\n3\t2\t\tTyto\tgenus\taccepted\n"
    taxonomy = made(HEADER + rows)
    assert dict(taxonomy.usage("source0:2").classification) == {"class": "Aves"}
    assert dict(taxonomy.usage("source0:3").classification) == {"class": "Aves", "genus": "Tyto"}


def test_flat_rows_grow_their_higher_taxa_and_share_them(made: Made) -> None:
    text = "species,kingdom,class,family,genus\nTyto alba,Animalia,Aves,Tytonidae,Tyto\n"
    text += "Tyto furcata,Animalia,Aves,Tytonidae,Tyto\nOenanthe crocata,Plantae,,Apiaceae,Oenanthe\n"
    taxonomy = made(text, suffix="csv")
    assert len(taxonomy) == 3 + 4 + 3
    assert taxonomy.usage("source0:Tyto alba").parent_id == taxonomy.usage("source0:Tyto furcata").parent_id
    assert dict(taxonomy.usage("source0:Oenanthe crocata").classification)["family"] == "Apiaceae"


def test_usages_parquet_writes_the_classification_out(default: Taxonomy) -> None:
    table = pq.read_table(default.folder / "usages.parquet")
    assert table.num_rows == len(default)
    row = table.slice(default.row("bm:Felis-concolor"), 1).to_pylist()[0]
    assert (row["status"], row["accepted_id"], row["species"]) == ("synonym", "bm:Puma-concolor", "Puma concolor")
    assert (row["family_id"], row["kingdom_id"], row["source_ids"]) == (
        "bm:Felidae",
        "bm:Animalia",
        ["bm:Felis-concolor"],
    )
    assert np.all(np.diff(np.asarray(default.hashes).astype(object)) >= 0)
