"""Search answers spooled to files: all of them, exactly as answered, within what GBIF gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.pull import Client, PullError, pull_pages, search_parameters
from tests.pipeline.pull.conftest import Pauses
from tests.pipeline.pull.replay import Answer, Asked, Replay

QUESTION = search_parameters(["taxonKey=2431762", "mediaType=StillImage"])
SEARCH = "/v1/occurrence/search"


def page(offset: int, limit: int, count: int, /, **members: Any) -> bytes:
    found = max(0, min(limit, count - offset))
    records = [{"key": 1000 + n, "media": []} for n in range(offset, offset + found)]
    answer = {"offset": offset, "limit": limit, "count": count, "results": records}
    return json.dumps({**answer, "endOfRecords": offset + found >= count, **members}).encode()


def offer(server: Replay, offset: int, limit: int, count: int, /, *faults: Answer, **members: Any) -> bytes:
    body = page(offset, limit, count, **members)
    query = [*QUESTION, ("limit", str(limit)), ("offset", str(offset))]
    server.record("GET", SEARCH, *faults, Answer(200, body, "application/json;charset=utf-8"), query=query)
    return body


def test_pages_are_kept_as_they_were_answered(server: Replay, client: Client, pauses: Pauses, tmp_path: Path) -> None:
    bodies = [
        offer(server, 0, 300, 650),
        offer(server, 300, 300, 650, Answer(429, headers={"Retry-After": "31"}), Answer(200, b'{"off', cut=3)),
        offer(server, 600, 300, 650, Answer(200, b'{"offset": 600, "results": [', "text/html"), Answer(0)),
    ]
    assert pull_pages(client, QUESTION, tmp_path) == tmp_path
    assert [(tmp_path / f"page-{n:06d}.json").read_bytes() for n in (0, 300, 600)] == bodies
    note = json.loads((tmp_path / "release.json").read_text())
    assert (note["rows"], note["total_records"], note["kind"]) == (650, 650, "search")
    assert max(pauses) >= 31 and len(pauses) == 4
    assert not any("authorization" in asked.headers for asked in server.asked)
    asked = len(server.asked)
    pull_pages(client, QUESTION, tmp_path)
    assert len(server.asked) == asked


def test_recorded_pages_are_spooled(server: Replay, client: Client, recordings: Path, tmp_path: Path) -> None:
    server.load(recordings)
    seen = 0
    for (method, path, query), script in sorted(server.answers.items()):
        limit = dict(query).get("limit", "")
        body = script[0].body if script[0].status == 200 else b""
        if (method, path) != ("GET", SEARCH) or not body or limit not in ("2", "3", "300"):
            continue
        most = int(limit)
        question = [pair for pair in query if pair[0] not in ("limit", "offset")]
        folder = pull_pages(client, question, tmp_path / str(seen), limit=most, most=most)
        assert (folder / "page-000000.json").read_bytes() == body
        seen += 1
    assert seen >= 6


def test_a_recorded_complaint_is_passed_on(server: Replay, client: Client, recordings: Path, tmp_path: Path) -> None:
    server.load(recordings)
    question = search_parameters(["occurrenceStatus=PRESENT", "depth=5-10", "taxonKey=7595433"])
    with pytest.raises(PullError, match="Invalid decimal range: 5-10"):
        pull_pages(client, question, tmp_path, limit=2, most=2)


def test_no_more_than_enough_is_asked_for(server: Replay, client: Client, tmp_path: Path) -> None:
    for offset, limit in ((0, 300), (300, 150)):
        offer(server, offset, limit, 5_000_000)
    pull_pages(client, QUESTION, tmp_path, most=450)
    assert [asked.query[-1] for asked in server.asked] == [("offset", "0"), ("offset", "300")]


def test_a_search_beyond_the_window_is_said_at_its_first_page(server: Replay, client: Client, tmp_path: Path) -> None:
    offer(server, 0, 300, 100_001)
    with pytest.raises(PullError, match="100,001 records, and GBIF gives no more than the first 100,000"):
        pull_pages(client, QUESTION, tmp_path)
    assert len(server.asked) == 1
    for limit, most in ((301, 10), (0, 10), (300, 100_001), (300, 0)):
        with pytest.raises(PullError, match="not what GBIF answers"):
            pull_pages(client, QUESTION, tmp_path, limit=limit, most=most)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"offset": 0}, "10 records from 0 on"),
        ({"results": [{}] * 301}, "301 records"),
        ({"results": [], "endOfRecords": False}, "0 records"),
        ({"results": None}, "no readable results"),
        ({"count": 311}, "changed from 310 to 311"),
    ],
)
def test_a_page_that_is_not_the_one_asked_for_is_refused(
    server: Replay, client: Client, tmp_path: Path, members: dict[str, Any], message: str
) -> None:
    offer(server, 0, 300, 310)
    offer(server, 300, 300, 310, **members)
    with pytest.raises(PullError, match=message):
        pull_pages(client, QUESTION, tmp_path)
    assert not (tmp_path / "page-000300.json").exists()


def test_an_empty_search_is_one_empty_page(server: Replay, client: Client, tmp_path: Path) -> None:
    offer(server, 0, 300, 0)
    pull_pages(client, QUESTION, tmp_path)
    assert json.loads((tmp_path / "release.json").read_text())["rows"] == 0


@pytest.mark.parametrize("bad", [[], ["taxonKey"], ["limit=10"], ["offset=5"], ["taxon key=1"], ["x="]])
def test_a_parameter_that_is_none_is_refused(bad: list[str]) -> None:
    with pytest.raises(PullError):
        search_parameters(bad)


def test_pages_pulled_by_a_killed_puller_are_the_same(server: Replay, tmp_path: Path) -> None:
    for offset in range(0, 901, 300):
        offer(server, offset, 300, 901)
    running: list[subprocess.Popen[bytes]] = []
    kills = ["300", "300", "900"]

    def watch(asked: Asked) -> None:
        if kills and dict(asked.query)["offset"] == kills[0]:
            kills.pop(0)
            running[-1].send_signal(signal.SIGKILL)
            running[-1].wait()

    server.on_request = watch
    for out in ("killed", "undisturbed"):
        code = -signal.SIGKILL
        while code:
            command = ["pull", "gbif-pages", "taxonKey=2431762", "mediaType=StillImage", "-o", str(tmp_path / out)]
            options = ["--api", server.api, "--contact", "mill@example.org"]
            running.append(
                subprocess.Popen([sys.executable, "-m", "pipeline.commands.cli", *command, *options], env=os.environ)
            )
            code = running[-1].wait(30)
            assert code in (0, -signal.SIGKILL)
    files = [{file.name: file.read_bytes() for file in (tmp_path / out).iterdir()} for out in ("killed", "undisturbed")]
    assert files[0] == files[1] and len(files[0]) == 7
    assert len(running) == 5
