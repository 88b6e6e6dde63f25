"""The descriptor of an archive: numbers that could point elsewhere, and marks that could end nothing, are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inspection import inspect_release
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core.dwca_meta import MAX_HEADER_LINES, MAX_INDEX, TableMeta, read_meta
from tests.pipeline.sources.darwin_core.test_dwca import META, archive

TABLE = """<archive xmlns="http://rs.tdwg.org/dwc/text/"><core rowType="http://rs.tdwg.org/dwc/terms/Occurrence"
{attributes}><files><location>o.txt</location></files><id index="{id}"/>
<field index="{field}" term="http://rs.tdwg.org/dwc/terms/genus"/></core></archive>"""


def read(attributes: str = "", id: str = "0", field: str = "1") -> TableMeta:
    return read_meta(TABLE.format(attributes=attributes, id=id, field=field).encode(), "a.zip!meta.xml").tables[0]


@pytest.mark.parametrize("value", ["-1", "-0", "1e3", "1.0", "0x1", "٣", "１", "1_0", "1 2", "100000", "9" * 400, "x"])
def test_what_is_no_number_of_a_column_or_line_is_refused_by_element_and_value(value: str) -> None:
    for place, element in (
        ({"id": value}, "<id>"),
        ({"field": value}, "<field> http://rs.tdwg.org/dwc/terms/genus"),
        ({"attributes": f'ignoreHeaderLines="{value}"'}, "<core> http://rs.tdwg.org/dwc/terms/Occurrence"),
    ):
        with pytest.raises(SourceError, match="is no number of a") as error:
            read(**place)
        assert value[:40] in error.value.what
        assert error.value.where == f"a.zip!meta.xml, {element}"
        assert error.value.expected.startswith("a whole number from 0 to")
        assert "meta.xml" in error.value.remedy


def test_a_negative_index_ends_a_whole_reading(tmp_path: Path) -> None:
    for old, new in (('index="2"', 'index="-2"'), ('ignoreHeaderLines="1"', 'ignoreHeaderLines="-1"')):
        path = archive(tmp_path / "x.zip", meta=META.replace(old, new))
        with pytest.raises(SourceError, match="is no number"):
            inspect_release(path)


@given(st.integers(0, MAX_INDEX), st.integers(0, MAX_HEADER_LINES))
def test_numbers_are_read_as_xml_schema_spells_them(index: int, lines: int) -> None:
    for form in ("{}", " {}\n", "+{}", "000{}"):
        table = read(f'ignoreHeaderLines="{form.format(lines)}"', form.format(index), form.format(index))
        assert (table.id_index, table.fields, table.header_lines) == (index, ((index, "genus"),), lines)


def test_absent_and_blank_numbers_are_none(tmp_path: Path) -> None:
    for blank in ("", "  "):
        table = read(f'ignoreHeaderLines="{blank}"', blank, blank)
        assert (table.id_index, table.fields, table.header_lines) == (-1, (), 0)


@given(st.text())
def test_any_text_as_a_number_is_read_or_refused(text: str) -> None:
    try:
        table = read_meta(META.encode(), "m").tables[0] if not text else read(id=_quoted(text))
    except SourceError:
        return
    assert table.id_index >= -1


def _quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)[1:-1].replace('"', "&quot;")


@pytest.mark.parametrize("mark", ["", "||", "\\t\\t", "\\n", "\\r", "§", "&quot;", "&#10;"])
def test_a_delimiter_that_tells_no_fields_apart_is_refused(mark: str) -> None:
    with pytest.raises(SourceError, match="delimiter"):
        read(f'fieldsTerminatedBy="{mark}"')


@pytest.mark.parametrize(("mark", "meant"), [("\\t", "\t"), ("&#9;", "\t"), (",", ","), ("|", "|"), (";", ";")])
def test_usual_delimiters_are_read(mark: str, meant: str) -> None:
    assert read(f'fieldsTerminatedBy="{mark}"').delimiter == meant


def test_a_second_core_and_a_second_id_are_refused() -> None:
    with pytest.raises(SourceError, match="more than one <core>"):
        read_meta(META.replace("extension", "core").encode(), "meta.xml")
    with pytest.raises(SourceError, match="id in several columns"):
        read_meta(META.replace('<id index="0"/>', '<id index="0"/><id index="2"/>').encode(), "meta.xml")
