"""The client: patient with what mends, plain about what does not, silent about the password."""

from __future__ import annotations

import json
import logging
import threading
import time

import pytest
import requests

from pipeline.pull import Client, Credentials, Patience, PullError, UncertainError
from tests.pipeline.pull.conftest import PASSWORD, USER, Pauses
from tests.pipeline.pull.replay import Answer, Asked, Replay

OK = Answer(200, b'{"count": 3}')


def test_every_recorded_answer_is_played_as_it_was_given(server: Replay, recordings: object) -> None:
    pairs = server.load(recordings)  # type: ignore[arg-type]
    assert len(pairs) == 459
    with requests.Session() as session:
        for (method, path, query), answer in pairs:
            given = session.request(method, server.origin + path, params=list(query))
            assert (given.status_code, given.content) == (answer.status, answer.body)
            assert given.headers.get("Retry-After") == answer.headers.get("Retry-After")


def test_a_recorded_throttling_is_waited_out(
    server: Replay, recordings: object, client: Client, pauses: Pauses
) -> None:
    pairs = server.load(recordings)  # type: ignore[arg-type]
    throttled = [(key, answer) for key, answer in pairs if answer.status == 429]
    assert len(throttled) == 7
    for (_, path, query), _ in throttled:
        script = server.answers[("GET", path, query)]
        if not any(answer.status == 200 and answer.body for answer in script):
            script.append(OK)
    for (_, path, query), answer in throttled:
        if server.answers[("GET", path, query)][0].status != 429:
            continue
        before = len(pauses)
        assert client.get(path.removeprefix("/v1"), list(query))
        assert pauses[before:] and pauses[before] >= float(answer.headers["Retry-After"])


@pytest.mark.parametrize(
    "fault",
    [
        Answer(429, b"", headers={"Retry-After": "7"}),
        Answer(
            429,
            headers={"Retry-After": "Wed, 21 Oct 2015 07:28:07 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
        ),
        Answer(503, b"busy", "text/html", {"Retry-After": "7"}),
        Answer(503),
        Answer(502, b"<html>", "text/html"),
        Answer(200, b'{"count": 3', "application/json"),
        Answer(200, b'{"count": 3}', cut=5),
        Answer(200, b"<html>a captive portal</html>", "text/html"),
        Answer(200, b"", "application/json"),
        Answer(200, b"[1]", "application/json"),
        Answer(0),
    ],
    ids=lambda fault: f"{fault.status}-{fault.body[:12]!r}-{fault.cut}",
)
def test_a_fault_is_tried_again(server: Replay, client: Client, pauses: Pauses, fault: Answer) -> None:
    server.record("GET", "/v1/x", OK)
    server.faults = [fault, fault]
    assert client.get("/x") == {"count": 3}
    assert len(pauses) == 2
    if "Retry-After" in fault.headers:
        assert min(pauses) >= 7.0


def test_a_fault_that_stays_is_reported(server: Replay, client: Client, pauses: Pauses) -> None:
    server.record("GET", "/v1/x", Answer(200, b'{"count": 3', "text/html;charset=utf-8"))
    with pytest.raises(PullError, match=r"no JSON.*'text/html;charset=utf-8'.*5 attempts") as caught:
        client.get("/x")
    assert caught.value.where == f"{server.api}/x"
    assert len(pauses) == 4


@pytest.mark.parametrize("kind", ["application/json;charset=utf-8", "application/json", "text/plain", None])
def test_json_counts_by_its_content_not_by_its_label(server: Replay, client: Client, kind: str | None) -> None:
    server.record("GET", "/v1/x", Answer(200, b'{"count": 3}', kind))
    assert client.get("/x") == {"count": 3}


@pytest.mark.parametrize(
    ("status", "words"), [(400, b"Invalid decimal range: 5-10"), (400, b""), (404, b"gone"), (401, b"")]
)
def test_a_refusal_is_not_repeated(server: Replay, client: Client, pauses: Pauses, status: int, words: bytes) -> None:
    server.record("GET", "/v1/x", Answer(status, words, "text/plain"))
    with pytest.raises(PullError, match=f"status {status}: {words.decode() or 'no words'}"):
        client.get("/x")
    assert pauses == [] and len(server.asked) == 1


def test_a_wait_beyond_the_deadline_is_not_begun(server: Replay, pauses: Pauses) -> None:
    server.record("GET", "/v1/x", Answer(429, headers={"Retry-After": "86400"}))
    with (
        Client(server.api, contact="m@e.org", patience=Patience(deadline=60), wait=pauses) as client,
        pytest.raises(PullError, match="no time is left"),
    ):
        client.get("/x")
    assert pauses == []


def test_a_silent_answer_ends_at_its_deadline(server: Replay, pauses: Pauses) -> None:
    released = threading.Event()

    def silent(asked: Asked) -> None:
        released.wait(10)

    server.on_request = silent
    server.record("GET", "/v1/x", OK)
    patience = Patience(answer=0.3, attempts=1)
    with Client(server.api, contact="m@e.org", patience=patience, wait=pauses) as client:
        with pytest.raises(PullError, match="no answer"):
            client.get("/x")
        released.set()


def test_an_answer_that_drips_ends_at_its_deadline(server: Replay, pauses: Pauses) -> None:
    server.files["/v1/x"] = json.dumps({"x": "y" * 400_000}).encode()
    server.on_bytes = lambda sent: time.sleep(0.1)
    patience = Patience(answer=0.4, read=10.0, attempts=1)
    begun = time.monotonic()
    with (
        Client(server.api, contact="m@e.org", patience=patience, wait=pauses) as client,
        pytest.raises(PullError, match="broke off"),
    ):
        client.get("/x")
    assert time.monotonic() - begun < 2.0
    server.on_bytes = lambda sent: None


def test_only_signed_questions_carry_credentials(server: Replay, client: Client) -> None:
    server.record("GET", "/v1/x", OK)
    server.record("GET", "/v1/u/merian%40example.org", OK)
    client.get("/x")
    client.get("/u/{user}", signed=True)
    assert "authorization" not in server.asked[0].headers
    assert server.asked[1].headers["authorization"].startswith("Basic ")
    assert server.asked[0].headers["user-agent"].startswith("biomill/")
    assert "(+mill@example.org)" in server.asked[0].headers["user-agent"]


def test_credentials_are_in_no_message(server: Replay, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    echo = f"not allowed for {USER} with {PASSWORD}".encode()
    server.record("POST", "/v1/r", Answer(503, echo), Answer(401, echo, "text/plain"))
    with caplog.at_level(logging.DEBUG), pytest.raises(PullError) as caught:
        client.post("/r", {})
    for text in (str(caught.value), caplog.text, repr(client.credentials), repr(caught.value.args)):
        assert USER not in text and PASSWORD not in text
    assert "not allowed for *** with ***" in str(caught.value)


@pytest.mark.parametrize("fault", [Answer(0), Answer(500), Answer(201, b"0000001-240101000000000", cut=4)])
def test_a_lost_answer_to_a_request_is_not_repeated_blindly(server: Replay, client: Client, fault: Answer) -> None:
    server.record("POST", "/v1/r", Answer(201, b"x"))
    server.faults = [fault]
    with pytest.raises(UncertainError):
        client.post("/r", {})
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "base",
    ["http://api.gbif.org/v1", "ftp://127.0.0.1/v1", "https://me:secret@api.gbif.org/v1", "http://10.0.0.1/", "x"],
)
def test_an_address_that_is_not_safe_is_refused(base: str) -> None:
    with pytest.raises(PullError) as caught:
        Client(base, contact="m@e.org")
    assert "secret" not in str(caught.value)


def test_nobody_asks_without_a_contact() -> None:
    with pytest.raises(PullError, match="no contact"):
        Client(contact="")
    with pytest.raises(PullError, match="GBIF_PWD"):
        Credentials.of({"GBIF_USER": "me"})


def test_a_public_name_that_leads_to_a_private_address_is_not_asked(server: Replay, pauses: Pauses) -> None:
    with Client(server.api, contact="m@e.org", patience=Patience(attempts=1), wait=pauses) as client:
        with pytest.raises(PullError, match="outside the API's site"), client.stream("https://e.org/a.zip", {}):
            pass
        server.record("GET", "/v1/a.zip", Answer(302, headers={"Location": "https://10.0.0.1/a.zip"}))
        with pytest.raises(PullError, match="outside the API's site"), client.stream(f"{server.api}/a.zip", {}):
            pass
