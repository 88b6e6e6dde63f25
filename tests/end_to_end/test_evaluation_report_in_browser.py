"""The report of an evaluation in a real browser: it fits every width, asks nobody, and is open to all."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from unicodedata import normalize

import pytest
from pypdf import PdfReader

from pipeline.evaluation_report import Beside
from tests.end_to_end.browser import DARK, axe, measured, needs_chromium, printed, requests
from tests.pipeline.evaluation_report.conftest import Rows, write

pytestmark = needs_chromium


def long_names(rows: Rows) -> Rows:
    """Return rows whose taxa have names as long as real ones are at most, and of letters of other scripts."""
    for row in rows:
        row["accepted_name"] = f"{row['accepted_name']} subsp. pseudochrysanthemoides var. 鳥綱 {row['accepted_id']}"
        row["order"] = f"{row['order']}Archaeognathopterygiformes"
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a report of every section, of names that are long."""
    out = tmp_path_factory.mktemp("evaluated")
    written = write(out / "run", long_names)
    (out / "model").mkdir()
    lines = [
        {
            "step": step,
            "loss": 4 - step / 500,
            "excess": 3 - step / 500,
            "rate": 1e-3,
            "gradient": 3.0,
            "data_wait": 0.2,
        }
        for step in range(900)
    ]
    (out / "model" / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    written.page(out / "other", texts=False)
    written.page(out / "evaluation", beside=Beside(out / "model", compared=(out / "other",)))
    return out / "evaluation"


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text()


@pytest.mark.parametrize("width", [1400, 768, 400])
def test_nothing_runs_off_the_page_and_no_label_is_cut(page: str, tmp_path: Path, width: int) -> None:
    told = measured(page, tmp_path, width)
    assert told["over"] <= 0 and told["sticking"] == []
    assert told["cut"] == [] and told["overlapping"] == []
    assert told["anchors"] >= 16 and told["lost"] == 0
    assert told["pictures"] == page.count("<img ") > 30


@pytest.mark.parametrize("options", [(), (DARK,)], ids=["light", "dark"])
def test_everything_is_seen_and_open_to_all(page: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    told = measured(page, tmp_path, 1000, *options, script=axe())
    assert told["axe"] == [] and told["rules"] > 15
    assert told["faint"] == [] and told["pale"] == []


def test_it_asks_nobody(page: str, tmp_path: Path) -> None:
    assert requests(page, tmp_path) == set()


def flat(text: str) -> str:
    return re.sub(r"\s+", "", normalize("NFKC", unescape(re.sub(r"<[^>]*>", "", text))))


def test_printed_it_is_whole(folder: Path, page: str, tmp_path: Path) -> None:
    paper = flat("".join(each.extract_text() for each in PdfReader(printed(folder / "report.html", tmp_path)).pages))
    headings = re.findall(r"<h[123][^>]*>(.*?)</h[123]>", page)
    assert len(headings) > 25
    assert [each for each in headings if flat(each) not in paper and each.isascii()] == []
