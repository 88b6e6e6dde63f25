"""A download from question to file: every status, every bad day, every place to be killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pull import Client, Patience, PullError, existing, parse_conditions, pull_download, request_for
from pipeline.pull.state import only_puller, read_state
from pipeline.sources.release.release_note import read_release_note
from tests.pipeline.pull.conftest import PASSWORD, USER, Pauses
from tests.pipeline.pull.replay import Answer, Asked, Replay, replaying

KEY = "0000066-140928181241064"
REQUEST = request_for(parse_conditions(["taxonKey=5WZLF", "mediaType=StillImage"]))
STATUS, MINE = f"/v1/occurrence/download/{KEY}", "/v1/occurrence/download/user/merian%40example.org"
POST = "/v1/occurrence/download/request"
FILE = f"{POST}/{KEY}.zip"


def archive(rows: int = 3, table: str = "occurrence.txt") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        # Noise that does not shrink, the same in every run.
        lines = "".join(f"{n}\t{hashlib.shake_256(bytes([n])).hexdigest(20_000)}\n" for n in range(rows))
        made.writestr(zipfile.ZipInfo(table), "gbifID\tx\n" + lines)
    return out.getvalue()


def said(server: Replay, status: str, data: bytes = b"", **members: Any) -> Answer:
    answer = {
        "key": KEY,
        "doi": "10.15468/dl.abc123",
        "license": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
        "request": {**REQUEST, "creator": USER, "notificationAddresses": [USER], "type": "OCCURRENCE"},
        "created": "2026-01-15T15:05:53.007+00:00",
        "modified": "2026-01-15T15:06:53.007+00:00",
        "eraseAfter": "2026-07-15T15:05:52.916+00:00",
        "status": status,
        "downloadLink": server.origin + FILE,
        "size": len(data),
        "totalRecords": 3,
        "numberDatasets": 2,
    }
    return Answer(200, json.dumps(answer | members).encode(), "application/json;charset=utf-8")


@pytest.fixture
def data(server: Replay) -> bytes:
    """A download that is ready after three looks."""
    made = archive()
    waiting = [said(server, status) for status in ("PREPARING", "RUNNING", "SUSPENDED")]
    server.record("GET", STATUS, *waiting, said(server, "SUCCEEDED", made))
    server.record("GET", MINE, Answer(200, b'{"results": []}'), query=[("limit", "1"), ("offset", "0")])
    server.record("POST", POST, Answer(201, KEY.encode()))
    server.files[FILE] = made
    return made


def posted(server: Replay) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in server.asked if asked.method == "POST"]


def test_a_question_becomes_a_checked_file(
    server: Replay, client: Client, pauses: Pauses, data: bytes, tmp_path: Path
) -> None:
    path = pull_download(client, REQUEST, tmp_path, poll=60)
    assert path == tmp_path / f"{KEY}.zip" and path.read_bytes() == data
    assert pauses == [60, 60, 60]
    assert posted(server) == [{**REQUEST, "creator": USER, "sendNotification": False}]
    note = read_release_note(path)
    assert note is not None
    assert (note.name, note.rows, note.total_records, note.datasets) == ("10.15468/dl.abc123", 3, 3, 2)
    assert note.predicate == REQUEST["predicate"] and note.checklist == REQUEST["checklistKey"]
    assert note.license.endswith("by-nc/4.0/legalcode") and note.created.startswith("2026-01-15")
    # Who asked is in no file, and a finished pull asks nothing more.
    for file in tmp_path.iterdir():
        assert USER.encode() not in file.read_bytes() and PASSWORD.encode() not in file.read_bytes()
    asked = len(server.asked)
    assert pull_download(client, REQUEST, tmp_path) == path
    assert len(server.asked) == asked


def test_a_recorded_download_is_fetched_and_counted(
    server: Replay, client: Client, recordings: Path, tmp_path: Path
) -> None:
    server.load(recordings)
    real = recordings.parent / f"dwca/{KEY}.zip"
    answer = server.answers["GET", STATUS, ()][0]
    answered = json.loads(answer.body) | {"downloadLink": server.origin + FILE}
    server.answers["GET", STATUS, ()] = [Answer(200, json.dumps(answered).encode())]
    server.files[FILE] = real.read_bytes()
    path = pull_download(client, existing(KEY), tmp_path)
    assert path.read_bytes() == real.read_bytes()
    note = read_release_note(path)
    assert note is not None and (note.rows, note.size, note.name) == (470, 143097, KEY)


def test_the_recorded_statuses_lead_to_the_end(
    server: Replay, client: Client, pauses: Pauses, recordings: Path, tmp_path: Path
) -> None:
    server.load(recordings)
    key = "0026048-250827131500795"
    server.faults = [Answer(429, headers={"Retry-After": "31"})]
    # Its file was not recorded, and it lies on GBIF's own host.
    with pytest.raises(PullError, match="outside the API's site"):
        pull_download(client, existing(key), tmp_path, poll=5)
    state = read_state(tmp_path)
    assert state is not None and state.answer["doi"] == "10.15468/dl.a6c3sh"
    assert pauses[0] >= 31 and set(pauses[1:]) == {5}


@pytest.mark.parametrize("status", ["CANCELLED", "KILLED", "FAILED", "FILE_ERASED", "DREAMING", ""])
def test_a_download_that_ended_is_reported_and_can_be_asked_for_again(
    server: Replay, client: Client, data: bytes, tmp_path: Path, status: str
) -> None:
    good = server.answers["GET", STATUS, ()]
    server.answers["GET", STATUS, ()] = [said(server, "RUNNING"), said(server, status)]
    for _ in range(2):
        with pytest.raises(PullError, match=status or "no readable status"):
            pull_download(client, REQUEST, tmp_path)
    assert len(posted(server)) == 1
    server.answers["GET", STATUS, ()] = good
    assert pull_download(client, REQUEST, tmp_path, again=True).read_bytes() == data
    assert len(posted(server)) == 2


def test_waiting_ends_at_the_deadline(server: Replay, client: Client, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(PullError, match=r"deadline.*still PREPARING"):
        pull_download(client, REQUEST, tmp_path, poll=90_000)
    assert pull_download(client, REQUEST, tmp_path).exists()
    assert len(posted(server)) == 1


@pytest.mark.parametrize(
    "fault", [Answer(0, act=True), Answer(500, act=True), Answer(201, KEY.encode(), cut=3, act=True)]
)
def test_a_request_whose_answer_was_lost_is_found_again(
    server: Replay, client: Client, data: bytes, tmp_path: Path, fault: Answer
) -> None:
    server.answers["GET", MINE, (("limit", "1"), ("offset", "0"))] = [Answer(200, b'{"results":[{"key":"old"}]}')]
    asked = {**REQUEST, "predicate": {**REQUEST["predicate"], "matchCase": False}}
    other = {"key": "other", "request": {**REQUEST, "format": "SIMPLE_CSV"}}
    mine = [other, {"key": KEY, "request": asked}, {"key": "old", "request": REQUEST}]
    server.record(
        "GET", MINE, Answer(200, json.dumps({"results": mine}).encode()), query=[("limit", "50"), ("offset", "0")]
    )

    def lose(question: Asked) -> None:
        if question.method == "POST":
            server.faults = [fault]

    server.on_request = lose
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data
    assert len(posted(server)) == 1


def test_a_request_that_never_arrived_is_sent_again(
    server: Replay, client: Client, data: bytes, tmp_path: Path
) -> None:
    server.record("GET", MINE, Answer(200, b'{"results": []}'), query=[("limit", "50"), ("offset", "0")])
    lost = [Answer(0), Answer(500)]

    def lose(question: Asked) -> None:
        if question.method == "POST" and lost:
            server.faults = [lost.pop()]

    server.on_request = lose
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data
    assert len(posted(server)) == 3


def test_a_file_that_was_cut_is_gone_on_with(server: Replay, client: Client, data: bytes, tmp_path: Path) -> None:
    cuts = [
        Answer(200, data, headers={"ETag": '"v1"'}, cut=30_000),
        Answer(503, headers={"Retry-After": "2"}),
        Answer(0),
    ]

    def cut(question: Asked) -> None:
        if question.path == FILE and cuts:
            server.faults = [cuts.pop(0)]

    server.on_request = cut
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data
    ranges = [asked.headers.get("range") for asked in server.asked if asked.path == FILE]
    assert ranges[0] is None and len(ranges) == 4
    assert ranges[1] == ranges[3] and 0 < int(str(ranges[1])[6:-1]) <= 30_000


def test_a_file_that_changed_meanwhile_is_fetched_anew(
    server: Replay, client: Client, data: bytes, tmp_path: Path
) -> None:
    cuts = [Answer(200, b"x" * len(data), headers={"ETag": '"v0"'}, cut=40_000)]

    def cut(question: Asked) -> None:
        if question.path == FILE and cuts:
            server.faults = [cuts.pop(0)]

    server.on_request = cut
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data
    assert [a.headers.get("if-range") for a in server.asked if a.path == FILE] == [None, '"v0"']


def test_a_host_without_ranges_still_delivers(server: Replay, client: Client, data: bytes, tmp_path: Path) -> None:
    cuts = [Answer(200, data, cut=40_000), Answer(416), Answer(200, data)]

    def cut(question: Asked) -> None:
        if question.path == FILE and cuts:
            server.faults = [cuts.pop(0)]

    server.on_request = cut
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data


def test_a_redirect_is_followed_without_credentials(
    server: Replay, client: Client, data: bytes, tmp_path: Path
) -> None:
    server.files["/elsewhere.zip"] = server.files.pop(FILE)
    server.record("GET", FILE, Answer(302, headers={"Location": "/elsewhere.zip"}))
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data
    assert not any("authorization" in asked.headers for asked in server.asked if asked.path.endswith(".zip"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 10}, "the host offers"),
        ({"totalRecords": 4}, "3 records, and GBIF counts 4"),
        ({"downloadLink": "https://example.org/a.zip"}, "outside the API's site"),
        ({"downloadLink": "file:///etc/passwd"}, "none of the web"),
        ({"key": "0000001-140928181241064"}, "answered for download"),
        ({"size": "many"}, "no readable size"),
        ({"request": {"format": "SPECIES_LIST"}}, "SPECIES_LIST"),
    ],
)
def test_what_is_not_as_announced_gets_no_name(
    server: Replay, client: Client, data: bytes, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    server.answers["GET", STATUS, ()] = [said(server, "SUCCEEDED", data, **change)]
    with pytest.raises(PullError, match=message):
        pull_download(client, REQUEST, tmp_path)
    assert not list(tmp_path.glob("*.zip")) and read_release_note(tmp_path) is None


def test_a_damaged_file_is_not_kept(server: Replay, client: Client, data: bytes, tmp_path: Path) -> None:
    good = server.files[FILE]
    middle = len(good) // 2
    server.files[FILE] = good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :]
    with pytest.raises(PullError, match="damaged"):
        pull_download(client, REQUEST, tmp_path)
    server.files[FILE] = good
    assert pull_download(client, REQUEST, tmp_path).read_bytes() == data


def test_a_folder_serves_one_question_and_one_puller(
    server: Replay, client: Client, data: bytes, tmp_path: Path
) -> None:
    pull_download(client, REQUEST, tmp_path)
    with pytest.raises(PullError, match="another pull"):
        pull_download(client, existing(KEY), tmp_path)
    with only_puller(tmp_path), pytest.raises(PullError, match="another pull is writing"):
        pull_download(client, REQUEST, tmp_path)


Kill = Callable[[Asked | int], bool]
KILLS: dict[str, Kill] = {
    "before the list": lambda event: isinstance(event, Asked) and event.path == MINE,
    "before the request is acted on": lambda event: isinstance(event, Asked) and event.method == "POST",
    "at the first look": lambda event: isinstance(event, Asked) and event.path == STATUS,
    "before the first byte": lambda event: isinstance(event, Asked) and event.path == FILE,
    "in the middle": lambda event: isinstance(event, int) and event > 50_000,
    "at the last byte": lambda event: isinstance(event, int) and event > 110_000,
}


def test_a_pull_killed_again_and_again_ends_with_the_same_bytes(server: Replay, tmp_path: Path) -> None:
    data = archive()
    assert len(data) > 60_000
    server.record("GET", STATUS, said(server, "RUNNING"), said(server, "RUNNING"), said(server, "SUCCEEDED", data))
    server.record("POST", POST, Answer(201, KEY.encode()))
    server.record("GET", MINE, Answer(200, b'{"results": []}'), query=[("limit", "1"), ("offset", "0")])
    mine = {"results": [{"key": KEY, "request": REQUEST}]}
    server.record("GET", MINE, Answer(200, json.dumps(mine).encode()), query=[("limit", "50"), ("offset", "0")])
    server.files[FILE] = data
    kills = [kill for name, kill in KILLS.items() if name != "at the last byte"]
    kills.append(lambda event: isinstance(event, int) and event >= len(data))
    running: list[subprocess.Popen[bytes]] = []

    def watch(event: Asked | int) -> None:
        if kills and running and running[-1].poll() is None and kills[0](event):
            kills.pop(0)
            running[-1].send_signal(signal.SIGKILL)
            running[-1].wait()

    server.on_request = watch
    server.on_bytes = watch
    runs = 0
    for out in ("killed", "undisturbed"):
        while True:
            process = start(server, tmp_path / out)
            running.append(process)
            code = process.wait(30)
            runs += 1
            assert code in (0, -signal.SIGKILL), process.communicate()[1]
            if code == 0:
                break
            assert not (tmp_path / out / f"{KEY}.zip").exists()
    assert kills == [] and runs == 8
    files = [{file.name: file.read_bytes() for file in (tmp_path / out).iterdir()} for out in ("killed", "undisturbed")]
    assert sorted(files[0]) == [f"{KEY}.zip", "pull.json", "pull.lock", "release.json"]
    assert files[0] == files[1]
    assert files[0][f"{KEY}.zip"] == data


def start(server: Replay, out: Path) -> subprocess.Popen[bytes]:
    options = ["--api", server.api, "--contact", "mill@example.org", "--poll", "0.05", "-o", str(out)]
    question = out.parent / "question.json"
    question.write_text(json.dumps(REQUEST))
    environment = {**os.environ, "GBIF_USER": USER, "GBIF_PWD": PASSWORD}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.commands.cli", "pull", "gbif", "--predicate", str(question), *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("stage", ["named, not noted as done", "whole, not named", "note missing"])
def test_a_pull_stopped_between_its_last_steps_ends_the_same(
    server: Replay, client: Client, data: bytes, tmp_path: Path, stage: str
) -> None:
    path = pull_download(client, REQUEST, tmp_path)
    whole = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    state = read_state(tmp_path)
    assert state is not None
    replace(state, done=False).write(tmp_path)
    if stage != "named, not noted as done":
        path.replace(tmp_path / f"{path.name}.part")
    if stage == "note missing":
        (tmp_path / "release.json").unlink()
    fetched = len([asked for asked in server.asked if asked.path == FILE])
    pull_download(client, REQUEST, tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == whole
    assert len([asked for asked in server.asked if asked.path == FILE]) == fetched


BAD_DAYS = st.one_of(
    st.builds(lambda cut: ("cut", cut), st.integers(0, 119_000)),
    st.sampled_from([("status", 503), ("status", 502), ("status", 416), ("reset", 0), ("restart", 0)]),
)


@settings(max_examples=15, deadline=None)
@given(days=st.lists(BAD_DAYS, max_size=8))
def test_whatever_happens_on_the_way_the_bytes_are_the_same(days: list[tuple[str, int]]) -> None:
    data = DATA
    left = list(days)

    def disturb(question: Asked) -> None:
        if question.path != FILE or not left:
            return
        what, value = left.pop(0)
        start = int(question.headers.get("range", "bytes=0-")[6:-1])
        if what == "cut":
            headers = {"ETag": server.etag}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            server.faults = [Answer(206 if start else 200, data[start:], headers=headers, cut=value)]
        elif what == "restart":
            server.faults = [Answer(200, data, headers={"ETag": server.etag}, cut=50_000)]
        else:
            server.faults = [Answer(0 if what == "reset" else value)]

    with replaying() as server, tempfile.TemporaryDirectory() as folder:
        server.record("GET", STATUS, said(server, "SUCCEEDED", data))
        server.files[FILE] = data
        server.on_request = disturb
        with Client(server.api, contact="m@e.org", patience=Patience(attempts=20), wait=Pauses()) as client:
            path = pull_download(client, existing(KEY), Path(folder))
        assert path.read_bytes() == data and server.unknown == []


DATA = archive()
