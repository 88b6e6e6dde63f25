"""Darwin Core Archives of every make: counted, and every oddity named."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from pipeline.inspection import inspect_release
from pipeline.model.errors import SourceError
from tests.conformance.sources import archive_cells
from tests.pipeline.inspection.conftest import meta, write, write_named

CORE = ("core", "Occurrence", "o.txt", "occurrenceID scientificName sex")
ROWS = "occurrenceID\tscientificName\tsex\n1\tPuma concolor\tmale\n2\tLynx lynx\t\n"


def issues(path: Path) -> list[str]:
    return list(inspect_release(path).as_json()["issues"])


@pytest.mark.usefixtures("data")
def test_archives_of_the_reference_readers_give_their_golden_counts() -> None:
    checked = 0
    for name, found, expected in archive_cells():
        assert found == expected, name
        checked += 1
    assert checked >= 37


def test_a_sound_archive_has_no_issues(tmp_path: Path) -> None:
    found = inspect_release(write(tmp_path / "a.zip", meta__xml=meta(CORE), o__txt=ROWS)).as_json()
    assert (found["kind"], found["core"], found["core_rows"], found["issues"]) == ("dwca", "Occurrence", 2, [])


@pytest.mark.parametrize(
    ("rows", "issue", "count"),
    [
        (ROWS + "\n", "BLANK_LAST_LINE", 2),
        (ROWS + "\n\n\n", "BLANK_LAST_LINE", 2),
        (ROWS.replace("\n", "\r\n"), "CRLF", 2),
        (ROWS.replace("\n", "\r"), "CR_ONLY", 2),
        ("\ufeff" + ROWS, "BOM", 2),
        (ROWS + "3\tx\n", "RAGGED_SHORT", 3),
        (ROWS + "3\tx\ty\tz\n", "RAGGED_LONG", 3),
        (ROWS + "\n3\tx\ty\n", "BLANK_LINE", 3),
        (ROWS + "3\tx\x00\ty\n", "NUL", 3),
        (ROWS.replace("\tsex", "").replace("\tmale", "").replace("lynx\t", "lynx"), "FIELD_INDEX_BEYOND_ROW", 2),
        (ROWS.replace("scientificName\tsex", "sex\tscientificName"), "HEADER_UNEXPECTED", 2),
        (ROWS.encode().replace(b"male", b"m\xe4le"), "ENCODING_MISMATCH", 2),
    ],
)
def test_what_is_odd_about_a_table_is_named_and_costs_no_other_row(
    rows: str | bytes, issue: str, count: int, tmp_path: Path
) -> None:
    found = inspect_release(write(tmp_path / "a.zip", meta__xml=meta(CORE), o__txt=rows)).as_json()
    assert (found["issues"], found["core_rows"], found["dup_ids"], found["no_id"]) == ([issue], count, 0, 0)
    assert found["issue_details"][issue]["where"].startswith("a.zip")
    assert found["ragged"] == issue.startswith("RAGGED")


def test_a_row_of_another_encoding_in_a_file_of_utf8_is_malformed(tmp_path: Path) -> None:
    rows = ROWS.encode().replace(b"male", "mäle".encode()) + b"3\tm\xe4le\t\n"
    found = inspect_release(write(tmp_path / "a.zip", meta__xml=meta(CORE), o__txt=rows)).as_json()
    assert found["issue_details"]["ENCODING_MISMATCH"]["where"] == "a.zip!o.txt, row 3"
    assert found["core_rows"] == 3


@pytest.mark.parametrize(
    ("members", "issue"),
    [
        ({"meta.xml": meta(CORE), "o.txt": ROWS, "__MACOSX/._o.txt": "x"}, "JUNK_MEMBER"),
        ({"meta.xml": meta(CORE), "o.txt": ROWS, ".hidden": "x"}, "JUNK_MEMBER"),
        ({"d/meta.xml": meta(CORE), "d/o.txt": ROWS}, "SUBDIRECTORY"),
        ({"\\meta.xml": meta(CORE), "\\o.txt": ROWS}, "BACKSLASH_NAME"),
        ({"meta.xml": meta(CORE), "O.TXT": ROWS}, "FILE_CASE"),
        ({"o.txt": ROWS}, "NO_META"),
        ({"meta.xml": meta(CORE, archive=' metadata="eml.xml"'), "o.txt": ROWS}, "METADATA_MISSING"),
        ({"meta.xml": ' \n<?xml version="1.0"?>' + meta(CORE), "o.txt": ROWS}, "XML_SPACE_BEFORE"),
        ({"meta.xml": meta(CORE, ("extension", "Image", "", "- x")), "o.txt": ROWS}, "TABLE_WITHOUT_LOCATION"),
        ({"meta.xml": meta(CORE, ("extension", "Image", "i.txt", "- x")), "o.txt": ROWS}, "FILE_MISSING"),
    ],
)
def test_what_is_odd_about_the_packing_is_named(members: dict[str, str], issue: str, tmp_path: Path) -> None:
    path = write_named(tmp_path / "a.zip", dict(members))
    assert issues(path) == [issue]
    assert inspect_release(path).core_rows == 2


def test_all_files_of_a_table_are_read_and_gzipped_ones_too(tmp_path: Path) -> None:
    core = ("core", "Occurrence", "a.txt|b.txt", "occurrenceID scientificName sex")
    members: dict[str, str | bytes] = {"meta.xml": meta(core), "a.txt": ROWS}
    members |= {"b.txt.gz": gzip.compress(ROWS.encode().replace(b"\n1", b"\n7"))}
    found = inspect_release(write_named(tmp_path / "a.zip", members))
    assert (found.core_rows, found.dup_ids, found.details) == (4, 1, {})


def test_orphans_are_extension_rows_whose_core_id_is_unknown_or_absent(tmp_path: Path) -> None:
    extension = ("extension", "Multimedia", "m.txt", "- identifier")
    media = "coreid\tidentifier\n1\thttp://E.org/a.jpg\n9\thttp://e.org/b.jpg\n\thttp://e.org/c.jpg\n1 \td\n8\tx\ty\n"
    path = write(tmp_path / "a.zip", meta__xml=meta(CORE, extension), o__txt=ROWS, m__txt=media)
    found = inspect_release(path).as_json()
    assert (found["orphans"], found["ragged"], found["extension_rows"]) == (4, 1, {"Multimedia": 5})
    assert (found["hosts"], found["media_types"]) == ({"e.org": 3}, {"StillImage": 3})


def test_repeated_and_missing_ids_are_counted(tmp_path: Path) -> None:
    rows = ROWS + "1\tx\t\n1\ty\t\n\tz\t\n \tz\t\n"
    found = inspect_release(write(tmp_path / "a.zip", meta__xml=meta(CORE), o__txt=rows))
    assert (found.core_rows, found.dup_ids, found.no_id) == (6, 2, 2)


def test_any_enclosing_character_and_delimiter_is_read(tmp_path: Path) -> None:
    attributes = 'fieldsTerminatedBy="|" fieldsEnclosedBy="\'" ignoreHeaderLines="0"'
    rows = "1|'a|b'|m\n2|'a''\nb'|\n"
    found = inspect_release(write(tmp_path / "a.zip", meta__xml=meta(CORE, attributes=attributes), o__txt=rows))
    assert (found.core_rows, found.ragged, found.details) == (2, 0, {})


def test_defaults_of_the_text_guide_hold_for_absent_attributes(tmp_path: Path) -> None:
    rows = '1,"Puma, concolor",male\n2,"Lynx ""lynx""",\n'
    found = inspect_release(write(tmp_path / "a.zip", meta__xml=meta(CORE, attributes=""), o__txt=rows))
    assert (found.core_rows, found.ragged, found.details) == (2, 0, {})


def test_a_header_that_the_descriptor_does_not_announce_is_no_row(tmp_path: Path) -> None:
    attributes = 'fieldsTerminatedBy="\\t" fieldsEnclosedBy=""'
    path = write(tmp_path / "a.zip", meta__xml=meta(CORE, attributes=attributes), o__txt=ROWS)
    assert (inspect_release(path).core_rows, issues(path)) == (2, ["HEADER_UNEXPECTED"])


def test_line_feeds_inside_fields_of_a_crlf_table_end_no_row(tmp_path: Path) -> None:
    rows = ROWS.replace("\n", "\r\n").replace("Puma ", "Puma\n")
    path = write(tmp_path / "a.zip", meta__xml=meta(CORE), o__txt=rows)
    assert (inspect_release(path).core_rows, issues(path)) == (2, ["CRLF"])
    mixed = ROWS.replace("sex\n", "sex\r\n")
    path = write(tmp_path / "b.zip", meta__xml=meta(CORE), o__txt=mixed)
    assert (inspect_release(path).core_rows, issues(path)) == (2, ["CRLF"])


def test_a_header_with_an_odd_number_of_quotes_swallows_no_row(data: Path) -> None:
    found = inspect_release(data / "idigbio").as_json()
    assert (found["core_rows"], found["extension_rows"]) == (916, {"multimedia": 74})
    assert (found["orphans"], found["issues"]) == (0, ["UNBALANCED_QUOTE"])


def test_folders_files_and_archives_of_one_release_are_inspected_alike(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", meta__xml=meta(CORE), o__txt=ROWS + "3\tx\n")
    folder = tmp_path / "a"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    differing = ("archive", "issue_details")
    zipped, plain = (
        {k: v for k, v in inspect_release(p).as_json().items() if k not in differing} for p in (path, folder)
    )
    assert zipped == plain
    (tmp_path / "o.txt.gz").write_bytes(gzip.compress(ROWS.encode()))
    assert (inspect_release(tmp_path / "o.txt.gz").core_rows, issues(tmp_path / "o.txt.gz")) == (2, ["NO_META"])


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"meta.xml": meta(CORE)}, "no core table"),
        ({"meta.xml": "<archive/>"}, "no core table"),
        ({"meta.xml": "<archive"}, "no XML"),
        ({"meta.xml": '<!DOCTYPE a [<!ENTITY e "x">]><archive/>'}, "document type"),
        ({"meta.xml": '<?xml version="1.0"?><!DOCTYPE a><archive/>'.encode("utf-16")}, "document type"),
        ({"x.txt": "hello, world"}, "recognised"),
        ({"x.png": b"\x89PNG"}, "recognised"),
        ({"x.csv": "a,b\n1,2\n"}, "recognised"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_a_remedy(
    members: dict[str, str | bytes], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=message) as error:
        inspect_release(write_named(tmp_path / "a.zip", members))
    assert error.value.remedy
