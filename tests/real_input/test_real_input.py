"""The pipeline over real release files: rows balance, and what came out is what the files and the web say."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.catalog import open_catalog
from pipeline.media import Fetcher, to_uri
from pipeline.model.outcomes import Outcome
from pipeline.run.driver import run
from pipeline.storage.run_folder import STAGES, RunFolder
from pipeline.verify import verify
from tests.real_input.photo_server import address_of
from tests.real_input.prepared import Ready, ready
from tests.real_input.rebuilt import Record, eol_records
from tests.real_input.released import (
    ARCHIVE,
    DATA,
    LABELLED,
    OPEN_ARCHIVE,
    UNLABELLED,
    archive_rows,
    coco_export,
    coco_rows,
    gbif_rows,
)

EOL_ROWS = 300
FRAMES_PERCENT = 10
MIN_SIDE = 32
LICENCES = {
    "http://creativecommons.org/licenses/by/4.0/": "CC-BY-4.0",
    "http://creativecommons.org/licenses/by-sa/4.0/": "CC-BY-SA-4.0",
    "http://creativecommons.org/licenses/by-nc/4.0/": "CC-BY-NC-4.0",
    "http://creativecommons.org/licenses/by-nc-sa/4.0/": "CC-BY-NC-SA-4.0",
    "http://creativecommons.org/licenses/by-nc-nd/4.0/": "CC-BY-NC-ND-4.0",
    "http://creativecommons.org/publicdomain/zero/1.0/": "CC0-1.0",
    "CC0_1_0": "CC0-1.0",
    "CC_BY_4_0": "CC-BY-4.0",
    "CC_BY_NC_4_0": "CC-BY-NC-4.0",
}


@dataclass(frozen=True)
class RealRun:
    """A finished run, and how many answers the web had given when it was done."""

    ready: Ready
    folder: RunFolder
    answers: int

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_catalog(self.folder.root) as con:
            found: list[tuple[Any, ...]] = con.execute(query).fetchall()
        return found

    def done(self, stage: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.folder.done(stage).read_text("utf-8"))
        return found


@pytest.fixture(scope="module")
def data() -> Path:
    if not (DATA / ARCHIVE).exists():
        pytest.skip("the real release files are not present beside the repository")
    return DATA


@pytest.fixture(scope="module")
def real(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRun]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    folder = tmp_path_factory.mktemp("real")
    with ready(folder / "corpus", data, EOL_ROWS, FRAMES_PERCENT) as served:
        out = run(served.recipe, folder / "run")
        yield RealRun(served, out, served.server.hits.total() - served.server.hits["robots.txt"])


def test_every_promise_holds_on_real_input(real: RealRun) -> None:
    checks = list(verify(real.folder.root))
    assert [check for check in checks if not check.ok] == []
    assert len(checks) >= 9


def test_the_2020_archive_joins_as_its_tables_say(real: RealRun, data: Path) -> None:
    occurrences = [row["gbifID"] for row in archive_rows(data / ARCHIVE, "occurrence.txt")]
    media = Counter(row["gbifID"] for row in archive_rows(data / ARCHIVE, "multimedia.txt"))
    assert (len(occurrences), media.total()) == (1_310, 1_362)
    # A key that ends in a blank: its occurrence is there, but not under these bytes.
    assert media.keys() - set(occurrences) == {"2803144270 "}
    assert real.done("ingest")["facts"]["sources"]["gbif"]["rows"] == 1_310 + 1_362
    assert real.rows("SELECT count(*) FROM records WHERE source = 'gbif'") == [(1_361,)]
    ended = real.rows("SELECT outcome, count(*) FROM ledger WHERE source = 'gbif' AND stage = 'ingest' GROUP BY 1")
    assert dict(ended) == {"orphan_media": 1, "no_media": len(set(occurrences) - media.keys())}


def test_the_ledger_holds_each_input_row_once(real: RealRun, data: Path) -> None:
    found = dict(real.rows("SELECT source, count(*) FROM ledger GROUP BY 1"))
    assert found == {
        "gbif": gbif_rows(data / ARCHIVE),
        "gbif-open": gbif_rows(data / OPEN_ARCHIVE),
        "eol": len(eol_records(data, EOL_ROWS)),
        "bioscan": 421,
        "fathomnet": coco_rows(data / LABELLED),
        "fathomnet-test": coco_rows(data / UNLABELLED),
    }


@pytest.mark.parametrize("stage", [name for name in STAGES if name not in ("resolve", "holdout")])
def test_every_stage_balances_for_every_source(real: RealRun, stage: str) -> None:
    for balance in real.done(stage)["balance"]:
        assert balance["rows_in"] == balance["rows_out"] + balance["ended"], balance


def test_each_answer_of_the_web_becomes_its_outcome(real: RealRun, data: Path) -> None:
    expected: dict[str, set[str | None]] = {
        "gone": {"gone"},
        "refused": {"blocked"},
        "page": {"not_an_image"},
        "window": {None},
        "frame": {None, "too_small"},
    }
    sound = _sound_files(data)
    seen: Counter[str] = Counter()
    for url, outcome, digest in real.rows("SELECT address, outcome, sha256 FROM media WHERE host NOT LIKE 'store:%'"):
        what, sent = real.ready.server.sent[_address(url)]
        if what in ("frame", "window", "file"):
            assert digest == sent, url
        if what != "file":
            assert outcome in expected[what], (url, outcome, what)
        elif digest in sound:
            assert outcome is None, (url, outcome)
        seen[what] += 1
    assert seen.keys() == {*expected, "file"}
    assert min(seen.values()) > 10


def test_real_files_that_no_decoder_takes_end_by_name_and_stop_nothing(real: RealRun) -> None:
    found = dict(real.rows("SELECT outcome, count(*) FROM media WHERE outcome IS NOT NULL GROUP BY 1"))
    assert {"truncated", "unsupported_format"} <= found.keys()
    assert found["missing_file"] == len(real.rows("FROM ledger WHERE source = 'bioscan' AND outcome = 'missing_file'"))
    assert 0 < found["missing_file"] < 0.1 * 421


def test_sources_whose_names_are_known_keep_most_of_what_arrived(real: RealRun) -> None:
    kept = dict(real.rows("SELECT source, count(*) FROM samples GROUP BY 1"))
    assert kept.keys() == {"gbif", "eol", "bioscan", "fathomnet"}
    arrived = {balance["source"]: balance["rows_out"] for balance in real.done("fetch")["balance"]}
    for source, images in kept.items():
        assert images > arrived[source] / 2, source


def test_boxes_without_a_category_end_unresolved(real: RealRun) -> None:
    ended = real.rows("SELECT outcome, count(*) FROM ledger WHERE source = 'fathomnet-test' GROUP BY 1")
    assert ended == [("name_unresolved", 788)]


def test_media_that_two_archives_hold_are_kept_once(real: RealRun) -> None:
    """The open archive is a part of the other one: each of its media is the other's, before any byte is fetched."""
    media, same = real.rows(
        """SELECT count(*), count(*) FILTER (l.outcome = 'same_medium' AND o.source = 'gbif')
           FROM records r JOIN ledger l ON l.row_id = r.record_id LEFT JOIN records o ON o.record_id = l.other_id
           WHERE r.source = 'gbif-open'"""
    )[0]
    assert media == same == 276


def test_a_sample_carries_the_licence_of_its_medium_or_else_of_its_record(real: RealRun, data: Path) -> None:
    stated = {row["gbifID"]: row["license"] for row in archive_rows(data / ARCHIVE, "occurrence.txt")}
    media = {
        (row["gbifID"], row["identifier"]): row["license"] for row in archive_rows(data / ARCHIVE, "multimedia.txt")
    }
    samples = real.rows("SELECT source_record_id, media_url, license_id FROM samples WHERE source = 'gbif'")
    for key, url, licence in samples:
        assert licence == LICENCES[media[key, url] or stated[key]], (key, url)
    assert len({licence for _, _, licence in samples}) >= 5


def test_owners_and_pages_of_eol_media_arrive_as_they_were_written(real: RealRun, data: Path) -> None:
    records = {(row["eol_page_id"], row["full_size_url"]): row for row in eol_records(data, EOL_ROWS)}
    samples = real.rows(
        "SELECT source_record_id, media_url, rights_holder, source_page, scientific_name FROM samples "
        "WHERE source = 'eol'"
    )
    for page, url, holder, source_page, name in samples:
        record: Record = records[page, url]
        assert (holder or "", source_page or "") == (record["rights_holder"].strip(), record["source_url"].strip())
        assert name == record["scientific_name"]
    assert any(not holder.isascii() for _, _, holder, _, _ in samples if holder)


def test_crops_are_the_declared_boxes(real: RealRun, data: Path) -> None:
    export = coco_export(data / LABELLED)
    frames = {frame["id"]: frame for frame in export["images"]}
    boxes = {str(box["id"]): box for box in export["annotations"]}
    samples = real.rows("SELECT box_id, media_url, source_width, source_height FROM samples WHERE source = 'fathomnet'")
    for key, url, width, height in samples:
        frame, (x, y, w, h) = frames[boxes[key]["image_id"]], boxes[key]["bbox"]
        assert url == frame["coco_url"]
        assert abs(width - (min(x + w, frame["width"]) - max(x, 0))) <= 1
        assert abs(height - (min(y + h, frame["height"]) - max(y, 0))) <= 1
    assert len(samples) > 50


def test_nothing_held_out_is_kept(real: RealRun) -> None:
    keys = (real.ready.corpus / "held-out" / "ids.csv").read_text("ascii").split()[1:]
    ended = real.rows("SELECT count(*) FROM ledger WHERE outcome = 'leak_id'")[0][0]
    assert ended >= len(keys) > 0
    assert real.rows(f"SELECT key FROM samples WHERE media_key IN {(*keys, '')}") == []
    files = {path.name for path in (real.ready.corpus / "held-out" / "images").iterdir()}
    leaks = real.rows("SELECT item, rule FROM leaks WHERE item IS NOT NULL")
    assert {item for item, _ in leaks} <= files
    assert Counter(rule for _, rule in leaks)["bytes"] > 5


def test_each_address_is_asked_once(real: RealRun) -> None:
    assert real.rows("SELECT count(DISTINCT address) FROM media WHERE host NOT LIKE 'store:%'") == [(real.answers,)]


def test_a_record_is_found_at_its_byte_of_its_file(real: RealRun, data: Path) -> None:
    rows = real.rows(
        """SELECT o.locator_file, o.locator_offset, r.source_record_id, r.media_url FROM records r
           JOIN origins o ON o.row_id = r.record_id WHERE o.locator_offset >= 0"""
    )
    files: dict[str, bytes] = {}
    for name, offset, key, url in rows:
        if name not in files:
            files[name] = _file_of_a_release(name, real.ready.corpus, data)
        text = _line(files[name], offset)
        assert key.encode() in text and (url or "").encode() in text, (name, offset, key)
    assert {name.rpartition("!")[2] for name in files} == {
        "multimedia.txt", "media_manifest_1.csv", "media_manifest_2.csv", "rebuilt-metadata.csv"
    }  # fmt: skip


def test_https_is_verified_and_http_spoken(real: RealRun) -> None:
    hits = real.ready.server.hits
    assert hits["https 200"] > 1_000
    assert hits["http 200"] > 20


def test_a_host_that_the_certificate_does_not_name_fails_its_handshake(real: RealRun) -> None:
    route = f"elsewhere.example.org={real.ready.server.address}"
    rules = dataclasses.replace(real.ready.recipe.fetch, connect_to=(route,))
    with Fetcher(rules) as fetcher:
        assert fetcher.fetch("https://elsewhere.example.org/a.jpg").outcome is Outcome.TLS_FAILED
        assert fetcher.fetch("http://elsewhere.example.org/a.jpg").outcome is not Outcome.TLS_FAILED


def test_a_second_run_skips_every_stage_and_asks_nobody(real: RealRun) -> None:
    before = (real.folder.stage("shards") / "checksums.sha256").read_bytes()
    said: list[str] = []
    answers = real.ready.server.hits.total()
    run(real.ready.recipe, real.folder.root, progress=said.append)
    assert real.ready.server.hits.total() == answers
    assert [line for line in said if " rows ended as " not in line] == [f"{stage}: done before" for stage in STAGES]
    assert (real.folder.stage("shards") / "checksums.sha256").read_bytes() == before


def _file_of_a_release(name: str, corpus: Path, data: Path) -> bytes:
    archive, _, member = name.partition("!")
    if not member:
        return next(corpus.rglob(archive)).read_bytes()
    with zipfile.ZipFile((data / ARCHIVE).parent / archive) as opened:
        return opened.read(member)


def _line(text: bytes, offset: int) -> bytes:
    return text[offset : text.index(b"\n", offset)]


def _sound_files(data: Path) -> set[str]:
    """Return the SHA-256 of the listed photographs and scans that decode and are large enough to keep."""
    with (data / "sources/images/manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["decode"] == "ok" and "/edge/" not in row["file"]]
    paths = [data / "sources" / row["file"] for row in rows if min(int(row["width"]), int(row["height"])) >= MIN_SIDE]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.exists()}


def _address(url: str) -> str:
    uri = to_uri(url)
    return address_of(str(uri.host), uri.request_uri)
