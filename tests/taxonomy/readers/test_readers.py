from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from taxonomy import TaxonomyError
from taxonomy.readers import Checklist, read_source, source_inputs
from taxonomy.readers.layout import find_tables

HEADER = "taxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\n"


def read(path: Path) -> Checklist:
    return read_source(source_inputs([str(path)])[0])


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_tab_separated_tables_know_no_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "Taxon.tsv", HEADER + '1\t\t\t"Puma" concolor\tspecies\taccepted\n2\t\t\tFelis\tgenus\t\n')
    assert read(path).usages.num_rows == 2


def test_csv_tables_quote_as_rfc_4180_says(tmp_path: Path) -> None:
    text = 'taxonID,scientificName,scientificNameAuthorship,taxonRank\n1,Puma concolor,"(Linnaeus, 1771)",species\n'
    row = read(write(tmp_path / "list.csv", text)).usages.to_pylist()[0]
    assert (row["usage_id"], row["authorship"]) == ("list:1", "(Linnaeus, 1771)")


def test_columns_are_found_by_name_with_or_without_namespace(tmp_path: Path) -> None:
    header = "taxonRank\tdwc:scientificName\thttp://rs.tdwg.org/dwc/terms/taxonID\n"
    row = read(write(tmp_path / "taxa.txt", "\ufeff" + header + "species\tPuma concolor L.\t7\n")).usages.to_pylist()[0]
    assert (row["usage_id"], row["name"], row["rank"]) == ("taxa:7", "Puma concolor", "species")


def test_a_wrong_canonical_name_is_not_believed(tmp_path: Path) -> None:
    text = "taxonID\tscientificName\tcanonicalName\ttaxonRank\n1\tAster alpinus var. dubius Hook.\tand\tvariety\n"
    assert read(write(tmp_path / "taxon.tab", text)).usages["name"].to_pylist() == ["Aster alpinus dubius"]


def test_both_layouts_of_the_dynamic_hierarchy_are_read(tmp_path: Path) -> None:
    old = "taxonID\tsource\tacceptedNameUsageID\tparentNameUsageID\tscientificName\ttaxonRank\ttaxonomicStatus\teolID\n"
    old += "EOL-1\tx\tEOL-1\t\tPuma\tgenus\taccepted\t40\nEOL-2\tx\tEOL-2\tEOL-1\tPuma concolor\tspecies\taccepted\t\n"
    new = old.replace("scientificName\t", "scientificName\tcanonicalName\tscientificNameAuthorship\t")
    new = new.replace("\tPuma\t", "\tPuma\tPuma\t\t").replace(
        "\tPuma concolor\t", "\tPuma concolor L.\tPuma concolor\tL.\t"
    )
    for name, text in (("taxon.tab", old), ("taxon.tsv", new)):
        usages = read(write(tmp_path / name, text)).usages.to_pylist()
        assert [row["usage_id"] for row in usages] == ["eol-dh:EOL-1", "eol-dh:EOL-2"]
        assert [row["other_id"] for row in usages] == ["eol:40", None]
        assert [row["name"] for row in usages] == ["Puma", "Puma concolor"]
        assert usages[1]["parent_id"] == "eol-dh:EOL-1"
        assert usages[1]["accepted_id"] is None


def test_coldp_parents_are_accepted_usages_for_synonyms(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    text = "col:ID\tcol:parentID\tcol:status\tcol:scientificName\tcol:authorship\tcol:rank\n"
    text += "A\t\taccepted\tPuma\t\tgenus\nB\tA\tprovisionally accepted\tPuma concolor\t(L.)\tspecies\n"
    text += "C\tB\tsynonym\tFelis concolor\tL.\tspecies\nD\tB\tmisapplied\tFelis leo\tauct.\tspecies\n"
    write(folder / "NameUsage.tsv", text)
    write(folder / "VernacularName.tsv", "col:taxonID\tcol:name\tcol:language\tcol:preferred\nB\tcougar\teng\t1\n")
    checklist = read(folder)
    assert [(r["status"], r["parent_id"], r["accepted_id"]) for r in checklist.usages.to_pylist()] == [
        ("accepted", None, None),
        ("provisional", "col:A", None),
        ("synonym", None, "col:B"),
        ("misapplied", None, "col:B"),
    ]
    assert checklist.vernacular.to_pylist()[0]["vernacular_name"] == "cougar"


def test_a_zip_is_read_in_place_and_digested_like_its_table(tmp_path: Path) -> None:
    path = write(tmp_path / "Taxon.tsv", HEADER + "1\t\t\tPuma\tgenus\taccepted\n")
    packed = tmp_path / "release.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "backbone/Taxon.tsv")
        archive.writestr("__MACOSX/backbone/._Taxon.tsv", "junk")
        archive.writestr("../VernacularName.tsv", "taxonID\tvernacularName\tlanguage\n1\tpumas\ten\n")
    checklist = read(packed)
    assert checklist.usages["usage_id"].to_pylist() == ["release:1"]
    assert checklist.vernacular["language"].to_pylist() == ["eng"]
    assert source_inputs([str(packed)])[0].digests[0][1] == source_inputs([str(path)])[0].digests[0][1]


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "release.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("Taxon.tsv", HEADER + "1\t\t\tPuma\tgenus\taccepted\n")
    data = packed.read_bytes()
    packed.write_bytes(data.replace(b"Puma", b"Pumb", 1))
    with pytest.raises(TaxonomyError, match="damaged"):
        read(packed)


def test_a_species_table_gives_species_and_english_names(tmp_path: Path) -> None:
    text = "id,sciName,mainCommonName,order,family,genus,specificEpithet,originalNameCombination\n"
    text += "5,Puma_concolor,Cougar,Carnivora,Felidae,Puma,concolor,Felis concolor\n"
    checklist = read(write(tmp_path / "MDD_v1.csv", text))
    assert [(r["usage_id"], r["name"], r["status"]) for r in checklist.usages.to_pylist()] == [
        ("mdd-v1:5", "Puma concolor", "accepted"),
        ("mdd-v1:5-original", "Felis concolor", "synonym"),
    ]
    assert checklist.vernacular["vernacular_name"].to_pylist() == ["Cougar"]


def test_broken_rows_cost_one_row_each_and_name_it(tmp_path: Path) -> None:
    rows = [f"{i}\t\t\tGenus{chr(97 + i % 26)}us\tgenus\taccepted" for i in range(100)]
    rows[10] += "\textra"
    rows[20] = "20\t\t\t\tgenus\taccepted"
    rows[30] = "30\t\t\tRana\tbanana\taccepted"
    data = (HEADER + "\n".join(rows) + "\n").encode().replace(b"40\t\t\tGenus", b"40\t\t\tGen\xff\xfe")
    path = tmp_path / "taxa.tsv"
    path.write_bytes(data)
    checklist = read(path)
    assert checklist.usages.num_rows == 97
    assert checklist.issues.counts == {
        "row_does_not_fit_header": 1,
        "row_without_id_or_name": 1,
        "unknown_rank": 1,
        "row_is_not_utf8": 1,
    }
    numbers = {kind: examples[0].split("row ")[1][:9] for kind, examples in checklist.issues.examples.items()}
    assert {kind: int(number) for kind, number in numbers.items()} == {
        "row_does_not_fit_header": 11,
        "row_without_id_or_name": 21,
        "unknown_rank": 31,
        "row_is_not_utf8": 41,
    }
    assert checklist.usages.to_pylist()[-1]["locator"] == 100


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.tsv", b"", "no header"),
        ("a.tsv", "taxonID\tscientificName".encode("utf-16"), "not UTF-8"),
        ("a.csv", "taxonID,scientificName".encode("utf-16"), "not UTF-8"),
        ("a.tsv", b"taxonID\tscientificName\xff\n", "not UTF-8"),
        ("a.csv", b"taxonID,scientificName\xff\n", "not UTF-8"),
        ("a.tsv", b"taxonID\ttaxonID\tscientificName\n", "twice"),
        ("a.tsv", b"x\ty\n1\t2\n", "no table of taxa is recognised"),
        ("a.tsv", b"\t".join(b"c%d" % i for i in range(600)) + b"\n", "600 columns"),
        ("a.pdf", b"%PDF", "no table of taxa"),
        ("a.tsv", HEADER.encode() + b"\xe9\t\t\tRana\tgenus\t\n" * 50, "50 of 50 rows are not UTF-8"),
        ("a.tsv", HEADER.encode() + b"1\t2\n" * 50, "rows lack the header's 6 columns"),
        ("a.tsv", HEADER.encode() + b"1\t\t\t" + b"a" * (24 << 20) + b"\tgenus\t\n", "cannot be read on"),
    ],
)
def test_what_is_no_taxonomy_is_refused_with_its_place(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TaxonomyError, match=message) as caught:
        read(tmp_path / name)
    assert str(tmp_path / name) in caught.value.where


def test_a_missing_source_and_a_clash_of_prefixes_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="no such taxonomy"):
        source_inputs([str(tmp_path / "nowhere")])
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "x.tsv", HEADER)
    with pytest.raises(TaxonomyError, match="rename the file"):
        source_inputs([str(tmp_path / "a/x.tsv"), str(tmp_path / "b/x.tsv")])


@pytest.mark.parametrize("second", ["taxa.csv", "./taxa.csv", "\\taxa.csv"])
@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_an_archive_with_two_tables_of_one_name_is_refused_by_name(second: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"release{suffix}"
    tables = (("taxa.csv", b"taxonID,scientificName\n1,Puma\n"), (second, b"taxonID,scientificName\n1,Lynx\n"))
    if suffix == ".zip":
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
            warnings.simplefilter("ignore")
            for name, data in tables:
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz") as packed:
            for name, data in tables:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                packed.addfile(info, io.BytesIO(data))
    with pytest.raises(TaxonomyError, match=r"two members of the name 'taxa.csv'") as error:
        find_tables(path)
    assert "unpack it" in error.value.remedy


def test_a_zip_whose_members_share_their_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "taxonID,scientificName\n1,Puma\n")
        archive.writestr("b.csv", "taxonID,scientificName\n1,Lynx\n")
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(TaxonomyError, match="share their bytes"):
        find_tables(path)
