"""Tables of keys as people write them: what is there is read, and nothing is left out in silence."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from manifests import RecipeError
from pipeline.lists.key_tables import read_rows


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_rows_may_end_early_and_blank_lines_are_none(line_end: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    text = line_end.join([f"{mark}key,reason", '1,"asked, twice"', "2", "", "3,,"])
    path.write_bytes(gzip.compress(text.encode()))
    header, rows = read_rows(path, strict=True)
    assert header == ("key", "reason")
    assert rows == [{"key": "1", "reason": "asked, twice"}, {"key": "2", "reason": ""}, {"key": "3", "reason": ""}]


def test_a_published_table_may_have_more_cells_than_names_but_a_persons_may_not(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("key\t\tkey\n1\tx\ty\tz\n2\tx\ty\n")
    header, rows = read_rows(path)
    assert (header, sorted(row["key"] for row in rows)) == (("key",), ["1", "2"])
    with pytest.raises(RecipeError, match="comes twice"):
        read_rows(path, strict=True)
    path.write_text("key\tname\n1\tx\ty\n")
    with pytest.raises(RecipeError, match="row 1 has more cells than the header"):
        read_rows(path, strict=True)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'key\n1\n"2\n3\n', "row 2 has a quote that is not closed"),
        (b"key\n1\ncaf\xe9\n", "row 2 is not UTF-8"),
        ("key\n1\n".encode("utf-16"), "no text"),
    ],
)
def test_a_list_with_a_row_that_cannot_be_read_is_refused(data: bytes, said: str, strict: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(RecipeError, match=said) as caught:
        read_rows(path, strict=strict)
    assert caught.value.where == str(path)
