"""The report of a hundred thousand kept images: every section draws, and the page is no larger than it may be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.commands.cli import main
from tests.conftest import Demo
from tests.end_to_end.browser import measured, needs_chromium
from tests.performance.drawn_runs import drawn_run

IMAGES = 100_000
MOST_BYTES = 2_000_000
BARE = {"top", "faces", "following", "sources"}
"""Sections of numbers, pictures and tables alone."""


@pytest.fixture(scope="module")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many") / "run"
    drawn_run(root, IMAGES, demo.out)
    assert main(["report", str(root)]) == 0
    return root


def sections(page: str) -> dict[str, str]:
    return dict(re.findall(r'<section id="(\w+)"(.*?)</section>', page, re.DOTALL))


def test_every_section_has_marks_and_tables(run: Path) -> None:
    found = sections((run / "report.html").read_text())
    assert len(found) == 18
    for name, text in found.items():
        drawn = re.findall(r'<(?:rect|circle|path)[^>]* class="(?:c-|s-|t-|leaf|curve|cells)', text)
        assert bool(drawn) != (name in BARE), name
        assert "<tr>" in text or name in ("top", "faces"), name
    assert len(re.findall("<img ", found["faces"])) == 48
    assert all("<img " in found[name] for name in ("copies", "leaks", "conflicts"))


def test_the_page_is_bounded_and_so_is_what_it_states(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert len(page.encode()) <= MOST_BYTES
    assert max(table.count("<tr>") for table in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL)) <= 50
    assert max(map(len, re.findall(r"<svg id=.*?</svg>", page, re.DOTALL))) < 250_000
    told = json.loads((run / "catalog" / "report.json").read_text())["sections"]
    assert told["top"]["kept"] == IMAGES == sum(size * many for size, many in told["tail"]["kept"])
    assert (run / "catalog" / "report.json").stat().st_size <= MOST_BYTES


@needs_chromium
@pytest.mark.parametrize("width", [1400, 400])
def test_labels_of_long_numbers_and_many_rows_fit(run: Path, tmp_path: Path, width: int) -> None:
    told = measured((run / "report.html").read_text(), tmp_path, width)
    assert told["over"] <= 0 and told["sticking"] == []
    assert told["cut"] == [] and told["overlapping"] == [] and told["faint"] == [] and told["pale"] == []
