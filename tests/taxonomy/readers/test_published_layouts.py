from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxonomy import Taxonomy, TaxonomyError, build_taxonomy
from taxonomy.readers import Checklist, read_source, source_inputs
from tests.taxonomy.conftest import ask

NODES = (
    "1\t|\t1\t|\tno rank\t|\t\t|\n2\t|\t1\t|\tkingdom\t|\t\t|\n3\t|\t2\t|\tgenus\t|\t\t|\n4\t|\t3\t|\tspecies\t|\t\t|\n"
    "5\t|\t3\t|\tspecies subgroup\t|\t\t|\n"
)
NAMES = (
    "1\t|\troot\t|\t\t|\tscientific name\t|\n2\t|\tMetazoa\t|\t\t|\tscientific name\t|\n"
    "3\t|\tPuma\t|\tPuma <genus>\t|\tscientific name\t|\n4\t|\tPuma concolor\t|\t\t|\tscientific name\t|\n"
    "5\t|\tPuma alpha\t|\t\t|\tscientific name\t|\n"
    "4\t|\tFelis concolor\t|\t\t|\tsynonym\t|\n4\t|\tPuma yagouaroundi\t|\t\t|\tin-part\t|\n"
    "4\t|\tPuma concolor (Linnaeus, 1771)\t|\t\t|\tauthority\t|\n4\t|\tAMNH 1234\t|\t\t|\ttype material\t|\n"
    "4\t|\tpuma\t|\t\t|\tgenbank common name\t|\n4\t|\tcougar\t|\t\t|\tcommon name\t|\n"
    "2\t|\tanimals\t|\t\t|\tblast name\t|\n"
)


def read(path: Path) -> Checklist:
    return read_source(source_inputs([str(path)])[0])


def tarred(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def rows(checklist: Checklist, *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in checklist.usages.to_pylist()]


def test_a_taxdump_gives_nodes_synonyms_authors_and_replaced_ids(tmp_path: Path) -> None:
    files = {"nodes.dmp": NODES, "names.dmp": NAMES, "merged.dmp": "99\t|\t4\t|\n\n", "delnodes.dmp": "77\t|\n"}
    checklist = read(tarred(tmp_path / "taxdump.tar.gz", files))
    assert rows(checklist, "usage_id", "name", "authorship", "rank", "status", "parent_id", "accepted_id") == [
        ("ncbi:1", "root", None, "unranked", "accepted", None, None),
        ("ncbi:2", "Metazoa", None, "kingdom", "accepted", "ncbi:1", None),
        ("ncbi:3", "Puma", None, "genus", "accepted", "ncbi:2", None),
        ("ncbi:4", "Puma concolor", "(Linnaeus, 1771)", "species", "accepted", "ncbi:3", None),
        ("ncbi:5", "Puma alpha", None, "species aggregate", "accepted", "ncbi:3", None),
        ("ncbi:4/Felis concolor", "Felis concolor", None, "species", "synonym", None, "ncbi:4"),
        ("ncbi:4/Puma yagouaroundi", "Puma yagouaroundi", None, "species", "ambiguous synonym", None, "ncbi:4"),
    ]
    assert [(row["vernacular_name"], row["preferred"]) for row in checklist.vernacular.to_pylist()] == [
        ("puma", True),
        ("cougar", False),
    ]
    assert checklist.aliases.to_pylist() == [{"usage_id": "ncbi:4", "alias": "ncbi:99", "kind": "replaced"}]
    assert checklist.issues.counts == {}


def test_open_tree_tables_give_synonyms_and_statements_about_other_sources(tmp_path: Path) -> None:
    folder = tmp_path / "ott3.7.3"
    folder.mkdir()
    bar = "\t|\t"
    head = bar.join(["uid", "parent_uid", "name", "rank", "sourceinfo", "uniqname", "flags", ""])
    body = [
        ["1", "", "Asterales", "order", "ncbi:4209,gbif:414", "", ""],
        ["2", "1", "Aus", "no rank - terminal", "", "", "x"],
    ]
    text = "\n".join([head, *(bar.join([*row, ""]) for row in body)]) + "\n"
    (folder / "taxonomy.tsv").write_text(text, encoding="utf-8")
    (folder / "synonyms.tsv").write_text(
        bar.join(["name", "uid", "type", "uniqname", ""])
        + "\n"
        + bar.join(["Campanulales", "1", "includes", "", ""])
        + "\n",
        encoding="utf-8",
    )
    (folder / "forwards.tsv").write_text("id\treplacement\n9\t1\n", encoding="utf-8")
    checklist = read(folder)
    assert rows(checklist, "usage_id", "name", "rank", "status", "parent_id", "accepted_id") == [
        ("ott:1", "Asterales", "order", "accepted", None, None),
        ("ott:2", "Aus", "unranked", "accepted", "ott:1", None),
        ("ott:1/Campanulales", "Campanulales", "unranked", "synonym", None, "ott:1"),
    ]
    assert [(row["alias"], row["kind"]) for row in checklist.aliases.to_pylist()] == [
        ("ncbi:4209", "same"),
        ("gbif:414", "same"),
        ("ott:9", "replaced"),
    ]


def test_acef_names_are_put_together_and_its_encoding_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "gsd"
    folder.mkdir()
    (folder / "AcceptedSpecies.txt").write_bytes(
        "AcceptedTaxonID\tKingdom\tFamily\tGenus\tSpeciesEpithet\tAuthorString\tSp2000NameStatus\n"
        "1\tPlantae\tBrassicaceae\tDraba\talpina\tNyár.\taccepted name\n".encode("cp1252")
    )
    (folder / "AcceptedInfraspecificTaxa.txt").write_text(
        "AcceptedTaxonID\tparentID\tInfraSpeciesEpithet\tInfraSpeciesMarker\tInfraSpeciesAuthorString\tSp2000NameStatus\n"
        "2\t1\tnana\tvar.\tX.\tprovisionally accepted name\n"
    )
    (folder / "Synonyms.txt").write_text(
        "ID\tAcceptedTaxonID\tGenus\tSpeciesEpithet\tAuthorString\tInfraSpeciesEpithet\tInfraSpeciesMarker\tSp2000NameStatus\n"
        "s\t1\tErophila\talpina\tB.\t\\N\t\\N\tambiguous synonym\n"
    )
    checklist = read(folder)
    assert rows(
        checklist, "usage_id", "name", "authorship", "rank", "status", "parent_id", "accepted_id", "family"
    ) == [
        ("gsd:1", "Draba alpina", "Nyár.", "species", "accepted", None, None, "Brassicaceae"),
        ("gsd:2", "Draba alpina nana", "X.", "variety", "provisional", "gsd:1", None, "Brassicaceae"),
        ("gsd:s", "Erophila alpina", "B.", "species", "ambiguous synonym", None, "gsd:1", None),
    ]
    (example,) = checklist.issues.examples["file_is_not_utf8_and_read_as_windows_1252"]
    assert example.endswith("AcceptedSpecies.txt, row 000000001")


TREE = """# a comment
Animalia [kingdom]
  Puma Jardine, 1834 [genus] {ID=7}
    Puma concolor (Linnaeus, 1771) [species] {ID=8 VERN=de:Puma,en:Cougar,, the big one}  # said twice
      *$Felis concolor Linnaeus, 1771 [species]
      =Felis cougar Kerr [in Smith], 1792 [species]
    ?†Puma pardoides [species]
   Felis [genus]
Puma [genus]
"""


def test_text_trees_give_ranks_synonyms_and_facts(tmp_path: Path) -> None:
    path = tmp_path / "cats.txtree"
    path.write_text(TREE, encoding="utf-8")
    checklist = read(path)
    assert rows(checklist, "usage_id", "name", "status", "parent_id", "accepted_id", "locator") == [
        ("cats:Animalia", "Animalia", "accepted", None, None, 2),
        ("cats:7", "Puma", "accepted", "cats:Animalia", None, 3),
        ("cats:8", "Puma concolor", "accepted", "cats:7", None, 4),
        ("cats:Felis concolor Linnaeus, 1771", "Felis concolor", "synonym", None, "cats:8", 5),
        ("cats:Felis cougar Kerr [in Smith], 1792", "Felis cougar", "synonym", None, "cats:8", 6),
        ("cats:Puma pardoides", "Puma pardoides", "provisional", "cats:7", None, 7),
        ("cats:Felis", "Felis", "accepted", "cats:7", None, 8),
        ("cats:Puma", "Puma", "accepted", None, None, 9),
    ]
    assert checklist.issues.counts == {"odd_indentation": 1}
    assert [(row["language"], row["vernacular_name"]) for row in checklist.vernacular.to_pylist()] == [
        ("deu", "Puma"),
        ("eng", "Cougar, the big one"),
    ]


def test_a_readme_that_begins_like_a_tree_is_not_taken_for_the_taxonomy(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("Catalogue of cats [draft]\n")
    (tmp_path / "NameUsage.tsv").write_text("ID\tparentID\tstatus\trank\tscientificName\n1\t\taccepted\tgenus\tPuma\n")
    assert rows(read(tmp_path), "usage_id") == [("col:1",)]


def test_parquet_rows_that_repeat_a_taxon_for_each_common_name_are_one_usage(tmp_path: Path) -> None:
    pq.write_table(
        pa.table(
            {
                "taxonID": ["ITIS:1", "ITIS:1", "ITIS:2"],
                "acceptedNameUsageID": [None, None, "ITIS:1"],
                "scientificName": ["Puma concolor", "Puma concolor", "Felis concolor"],
                "taxonRank": ["species"] * 3,
                "vernacularName": ["cougar", "puma", "cougar"],
                "language": ["English", "French", "English"],
            }
        ),
        tmp_path / "itis.parquet",
    )
    checklist = read(tmp_path / "itis.parquet")
    assert sorted(rows(checklist, "usage_id", "accepted_id")) == [("ITIS:1", None), ("ITIS:2", "ITIS:1")]
    assert sorted((row["usage_id"], row["language"]) for row in checklist.vernacular.to_pylist()) == [
        ("ITIS:1", "eng"),
        ("ITIS:1", "fra"),
        ("ITIS:2", "eng"),
    ]


def test_inaturalist_and_worms_ids_are_brought_to_their_short_form(tmp_path: Path) -> None:
    inat = tmp_path / "inaturalist-taxonomy"
    inat.mkdir()
    url = "https://www.inaturalist.org/taxa/"
    (inat / "taxa.csv").write_text(
        "id,taxonID,identifier,parentNameUsageID,kingdom,scientificName,taxonRank\n"
        f"1,{url}1,{url}1,,Animalia,Animalia,kingdom\n42,{url}42,{url}42,{url}1,Animalia,Puma,genus\n"
    )
    (inat / "VernacularNames-german.csv").write_text("id,vernacularName,language\n42,Pumas,de\n")
    checklist = read(inat)
    assert rows(checklist, "usage_id", "parent_id") == [("inat:1", None), ("inat:42", "inat:1")]
    assert checklist.vernacular["usage_id"].to_pylist() == ["inat:42"]
    lsid = "urn:lsid:marinespecies.org:taxname:"
    (tmp_path / "taxon.txt").write_text(
        "taxonID\tacceptedNameUsageID\tparentNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\n"
        f"{lsid}1\t{lsid}1\t\tGadus\tGenus\taccepted\n"
        f"{lsid}2\t{lsid}3\t\tGadus callarias\tSpecies\tmisspelling - incorrect subsequent spelling\n"
        f"{lsid}3\t{lsid}3\t{lsid}1\tGadus morhua\tSpecies\taccepted\n"
    )
    assert rows(read(tmp_path / "taxon.txt"), "usage_id", "status", "accepted_id") == [
        ("worms:1", "accepted", None),
        ("worms:2", "synonym", "worms:3"),
        ("worms:3", "accepted", None),
    ]


def test_a_gzipped_table_is_read_as_the_table_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "taxa.csv.gz"
    path.write_bytes(gzip.compress(b"taxonID,scientificName,taxonRank\n1,Puma,genus\n"))
    assert rows(read(path), "usage_id") == [("taxa:1",)]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TaxonomyError, match="damaged"):
        read(path)


def test_a_synonym_of_several_taxa_keeps_them_all(made: Callable[..., Taxonomy]) -> None:
    header = "taxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\n"
    taxa = "1\t\t\tFelis\tgenus\taccepted\n2\t1\t\tFelis aa\tspecies\taccepted\n3\t1\t\tFelis bb\tspecies\taccepted\n"
    taxonomy = made(header + taxa + "4\t\t2|3\tFelis dubia\tspecies\tsynonym\n")
    assert (taxonomy.usage("source0:4").accepted_id, taxonomy.usage("source0:4>3").accepted_id) == (
        "source0:2",
        "source0:3",
    )
    assert {taxonomy.usage(key).status for key in ("source0:4", "source0:4>3")} == {"ambiguous synonym"}
    assert ask(taxonomy, "Felis dubia")["species"] is None
    again = made(header + taxa + "4\t\t2\tFelis dubia\tspecies\tsynonym\n4\t\t3\tFelis dubia\tspecies\tsynonym\n")
    assert (again.usage("source0:4").status, again.usage("source0:4>3").accepted_id) == (
        "ambiguous synonym",
        "source0:3",
    )


def test_a_hybrid_formula_is_not_its_genus(made: Callable[..., Taxonomy]) -> None:
    header = "taxonID\tscientificName\ttaxonRank\n"
    taxonomy = made(header + "1\tArgyrotegium\tgenus\n2\tArgyrotegium x Leucogenes\tgenus\n")
    assert ask(taxonomy, "Argyrotegium")["accepted_id"] == "source0:1"


def test_the_same_release_builds_the_same_index_wherever_it_lies(tmp_path: Path) -> None:
    for place in ("here", "there/below"):
        folder = tmp_path / place / "release"
        folder.mkdir(parents=True)
        (folder / "taxa.tsv").write_text("taxonID\tscientificName\ttaxonRank\n1\tPuma\tbanana\n1\tPuma\tgenus\n")
        build_taxonomy([folder], tmp_path / place / "built")
    files = [sorted((tmp_path / place / "built").iterdir()) for place in ("here", "there/below")]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
