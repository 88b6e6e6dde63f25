"""The report as a file: printed it is whole, and equal runs have equal ones, byte for byte, wherever they lie."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path
from unicodedata import normalize

import pytest
from pypdf import PdfReader

from pipeline.commands.cli import main
from tests.conftest import Demo
from tests.end_to_end.browser import needs_chromium, printed

DRAWING = re.compile(r'<svg id="([^"]+)".*?</desc>(.*?)</svg>(?=\s*(?:</div>|<p|<svg|<details))', re.DOTALL)
ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)


def flat(text: str) -> str:
    """Return the letters of a text: a printed one has line ends and ligatures of its own."""
    return re.sub(r"\s+", "", normalize("NFKC", unescape(re.sub(r"<[^>]*>", "", text))))


@pytest.fixture(scope="module")
def pages(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = printed(demo.out / "report.html", tmp_path_factory.mktemp("paper"))
    return [flat(page.extract_text()) for page in PdfReader(path).pages]


@needs_chromium
def test_every_heading_and_every_row_of_every_table_is_printed(demo: Demo, pages: list[str]) -> None:
    page, paper = (demo.out / "report.html").read_text(), "".join(pages)
    headings = re.findall(r"<h[123][^>]*>(.*?)</h[123]>", page)
    rows = [row for table in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL) for row in ROW.findall(table)]
    assert len(headings) > 40 and len(rows) > 250
    assert [each for each in headings if flat(each) not in paper] == []
    assert [each for each in rows if not set(cells(each)) <= set(paper_words(paper, each))] == []


def cells(row: str) -> list[str]:
    return [flat(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]


def paper_words(paper: str, row: str) -> list[str]:
    """Return the cells of a row that are printed; a cell of several lines may lie between those beside it."""
    return cells(row) if flat(row) in paper else [cell for cell in cells(row) if cell in paper]


@needs_chromium
def test_every_drawing_is_whole_on_one_page(demo: Demo, pages: list[str]) -> None:
    drawings = DRAWING.findall((demo.out / "report.html").read_text())
    assert len(drawings) > 20
    cut = []
    for name, body in drawings:
        letters = flat("".join(re.findall(r"<text[^>]*>.*?</text>", body)))
        if not any(letters in page for page in pages):
            cut.append(name)
    assert cut == []


def test_a_report_made_anew_elsewhere_has_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    moved = tmp_path / "another folder" / "run"
    shutil.copytree(demo.out, moved)
    for name in ("report.html", "catalog/report.json"):
        (moved / name).unlink()
    assert main(["report", str(moved)]) == 0
    assert main(["report", str(demo.out), "-o", str(tmp_path / "apart.html")]) == 0
    whole = (demo.out / "report.html").read_bytes()
    assert (moved / "report.html").read_bytes() == whole == (tmp_path / "apart.html").read_bytes()
    told = (moved / "catalog" / "report.json").read_bytes()
    assert told == (demo.out / "catalog" / "report.json").read_bytes()
    assert (moved / "checksums.sha256").read_bytes() == (demo.out / "checksums.sha256").read_bytes()
    assert str(tmp_path).encode() not in whole + told
