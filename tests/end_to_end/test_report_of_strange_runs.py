"""Whatever the tables of a run hold: the report is whole, bounded and harmless, or the command says why not."""

from __future__ import annotations

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.cards.plots.svg import MOST_LETTERS
from pipeline.commands.cli import main
from tests.conftest import Demo
from tests.performance.drawn_runs import drawn_run

MOST_BYTES = 2_000_000
MANIFEST, RECORDS, MEDIA, NAMES = "shards/manifest.parquet", "ingest/records", "fetch/media", "resolve/names"
Edits = dict[str, dict[str, str]]
Facts = dict[str, Any]


def hostile(of: str) -> str:
    """Return SQL for one of seven texts that would do harm, 10,000 letters long."""
    harm = "'<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) \"''' || chr(8238) || 'gnp'"
    return f"{harm} || chr(10) || chr(27) || '[2J' || repeat('x', 10000) || (hash({of}) % 7)"


def one_of(values: list[str], of: str) -> str:
    return f"[{', '.join(values)}][1 + (hash({of}) % {len(values)})::INT]"


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture
def reported(demo: Demo, tmp_path: Path) -> Callable[[int, Edits], Facts]:
    """Draws a run, changes columns of its tables, makes its report, and gives what that states."""

    def make(images: int, edits: Edits) -> Facts:
        root = tmp_path / "run"
        drawn_run(root, images, demo.out)
        for folder, columns in edits.items():
            paths = [root / folder] if folder.endswith(".parquet") else sorted((root / folder).glob("*.parquet"))
            changed = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
            for path in paths:
                with duckdb.connect() as con:
                    con.execute(f"CREATE TABLE t AS FROM read_parquet('{path}')")
                    con.execute(f"COPY (SELECT * REPLACE ({changed}) FROM t) TO '{path}' (FORMAT parquet)")
        assert main(["report", str(root)]) == 0
        return checked(root)

    return make


def checked(root: Path) -> Facts:
    """Assert what holds of every report, and return what it states, by section."""
    page = (root / "report.html").read_text()
    written = (root / "catalog" / "report.json").read_text()
    assert len(page.encode()) <= MOST_BYTES
    for text in (page, written):
        assert {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} == {"\n"}
        assert "<script" not in text and "<img src=x" not in text
    read = Page(page)
    assert not read.tags & {"script", "iframe", "object", "embed", "form", "link", "base"}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    links = [value for name, value in read.attributes if name in ("href", "src", "action", "xlink:href")]
    assert all(value.startswith(("#", "data:image/webp;base64,")) for value in links)
    assert page.count("<section ") == 18
    told: dict[str, Facts] = json.loads(written)["sections"]
    assert all(
        each["answer"] and "None" not in each["answer"] and " nan " not in each["answer"] for each in told.values()
    )
    return told


def test_hostile_text_is_shown_as_text_and_cut(reported: Callable[[int, Edits], Facts]) -> None:
    told = reported(
        400,
        {
            RECORDS: {name: hostile("record_id") for name in ("creator", "publisher", "dataset_key", "country_code")},
            MANIFEST: {name: hostile("key") for name in ("accepted_name", "class", "family", "genus", "license_id")},
            NAMES: {name: hostile("name_id") for name in ("scientific_name", "accepted_name", "name_kind")},
            MEDIA: {"host": hostile("image_id")},
            "likeness/leaks": {"item": hostile("item"), "benchmark": hostile("item")},
        },
    )
    names = [each["name"] for each in told["weight"]["creators"]["first"]]
    assert len(names) == 7 and max(map(len, names)) <= MOST_LETTERS
    assert len(told["tree"]["answer"]) < 200


@pytest.mark.parametrize("images", [1, 2, 24])
def test_a_run_of_few_images_shows_each_of_them_once(reported: Callable[[int, Edits], Facts], images: int) -> None:
    told = reported(images, {})
    assert told["faces"]["answer"] == f"{images} image{'s' * (images > 1)}, no more were kept."
    assert told["top"]["kept"] == images


def test_nothing_but_images_is_known(reported: Callable[[int, Edits], Facts]) -> None:
    lost = dict.fromkeys(("lat", "lon", "country_code", "event_date", "creator", "license_id"), "NULL")
    empty = dict.fromkeys(("accepted_name", "kingdom", "class", "family", "genus", "license_id"), "NULL")
    told = reported(
        300,
        {RECORDS: lost, MANIFEST: empty, MEDIA: {"quality": "NULL", "source_width": "0", "source_height": "NULL"}},
    )
    assert told["places"]["answer"].startswith("No image has coordinates (")
    assert (told["dates"]["answer"], told["weight"]["answer"]) == ("No image has a date.", "No creator is named.")
    assert told["tree"]["answer"].startswith("100 % of the images have no class;")
    assert told["pixels"]["answer"] == "No image has a known size."
    assert {each["license_id"] for each in told["rights"]["licences"]} == {"unknown"}


def test_one_taxon_of_one_source(reported: Callable[[int, Edits], Facts]) -> None:
    lineage = {name: f"'one {name}'" for name in ("accepted_id", "accepted_name", "class", "family", "kingdom")}
    told = reported(300, {MANIFEST: {**lineage, "source": "'one'"}, RECORDS: {"source": "'one'"}})
    assert told["tail"]["answer"] == "1 taxon." and told["top"]["effective_taxa"] == 1
    assert len(told["tree"]["families"]) == 1


def test_the_edges_of_the_earth_are_on_the_map_and_what_is_no_place_is_not(
    reported: Callable[[int, Edits], Facts],
) -> None:
    lats, lons = (
        ["90.0", "-90.0", "90.0", "-90.0", "0.0", "91.0", "'nan'::DOUBLE", "0.0"],
        ["180.0", "-180.0", "-180.0", "180.0", "180.0", "0.0", "0.0", "0.0"],
    )
    told = reported(
        400, {RECORDS: {"lat": f"{one_of(lats, 'record_id')}::DOUBLE", "lon": f"{one_of(lons, 'record_id')}::DOUBLE"}}
    )["places"]
    assert told["bounds"] == [-90, -180, 90, 180]
    assert 150 < told["with_coordinates"] < 350


def test_a_year_that_cannot_be_takes_no_row_from_those_that_can(reported: Callable[[int, Edits], Facts]) -> None:
    dates = [
        *("'0000-00-00'", "'9999-12-31'", "'2199-13-40'", "'2024-02-30T25:61'", "'2023'", "'2022-5'", "'20210101'"),
        *("'-5000'", "'２０２０-01-01'", "'not a date'", "'1700-01-01'"),
    ]
    told = reported(600, {RECORDS: {"event_date": one_of(dates, "record_id")}})["dates"]
    years = {each["year"] for each in told["months"]}
    assert {1700, 2021, 2022, 2023, 2024} <= years <= {1700, 2021, 2022, 2023, 2024, 2199}
    assert {each["month"] for each in told["months"] if each["year"] == 2199} <= {None}


def test_thousands_of_sources_licences_and_countries_are_drawn_as_the_largest_and_the_others(
    reported: Callable[[int, Edits], Facts], tmp_path: Path
) -> None:
    source, licence = "'source ' || hash({}) % 5000", "'LicenseRef-' || hash({}) % 5000"
    given = {"source": source.format("record_id"), "license_id": licence.format("record_id")}
    ended = {"source": source.format("row_id")}
    told = reported(
        20_000,
        {
            RECORDS: {**given, "country_code": "md5(record_id)"},
            MANIFEST: given,
            "likeness/clusters": {"source": given["source"]},
            **{f"{stage}/ledger": ended for stage in ("screen", "fetch", "likeness", "select")},
        },
    )
    assert told["top"]["sources"] > 4000 and len(told["places"]["countries"]) <= 1000
    page = (tmp_path / "run" / "report.html").read_text()
    assert re.search(r">4,\d\d\d other sources<", page) and re.search(r"4,\d\d\d rarer licences are not drawn", page)


def test_thousands_of_lone_taxa_in_classes_of_their_own(
    reported: Callable[[int, Edits], Facts], tmp_path: Path
) -> None:
    columns = ("accepted_id", "accepted_name", "class", "family")
    told = reported(20_000, {MANIFEST: dict.fromkeys(columns, "if(hash(key) % 2 = 0, 'one', 'lone ' || key)")})
    assert told["following"]["lone"] > 9_000
    page = (tmp_path / "run" / "report.html").read_text()
    assert re.search(r">[\d,]+ others<", page)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["RUN", "-o", "FOLDER"], "-o names a folder"),
        (["RUN", "-o", "FILE/x.html"], "Not a directory"),
        (["RUN", "-o", "PIPE"], "-o names a device or a pipe"),
        (["FOLDER"], "this is not the output folder of a run"),
        (["FILE"], "this is a file, not the output folder of a run"),
        (["UNFINISHED"], "stage 'catalog' is not done"),
        (["TORN"], "a file of the run cannot be read"),
    ],
)
def test_where_no_report_can_be_made_or_written_it_says_why(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "FILE").write_text("x")
    os.mkfifo(tmp_path / "PIPE")
    for name, gone in (("UNFINISHED", "catalog/_done.json"), ("TORN", MANIFEST)):
        if name in given:
            shutil.copytree(demo.out, tmp_path / name)
            (tmp_path / name / gone).unlink()
    words = [str(demo.out) if each == "RUN" else each if each == "-o" else str(tmp_path / each) for each in given]
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", *words]) in (1, 2)
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "PIPE").is_fifo()
