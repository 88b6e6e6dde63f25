"""Hosts that answer outside the rules, byte by byte: each costs one URL, and never its neighbours."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.recipe import FetchRules, ImageRules
from pipeline.media import Fetched, Fetcher, process
from pipeline.media.http import asking
from pipeline.media.http.budget import ByteBudget
from pipeline.media.http.guards import Refusal, Routes, to_uri
from pipeline.media.http.limits import HostLimits
from pipeline.media.http.robots import Robots, parse_robots
from pipeline.media.permission import permission
from pipeline.model.errors import PipelineError
from pipeline.model.outcomes import Outcome

ASKER = asking.Asker(FetchRules(), Routes.of(FetchRules()), HostLimits(FetchRules()), ByteBudget(1))
BODY = b"\xff\xd8\xff\xe0 a picture"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
ROBOTS = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def host(answers: dict[str, bytes], **changes: object) -> Iterator[tuple[Fetcher, list[str]]]:
    """A fetcher for odd.example.org, which answers as told and then closes, and what it was asked for.

    An answer whose bytes end with its own length or last chunk keeps the connection.
    """
    server = socket.create_server(("127.0.0.1", 0))
    asked: list[str] = []

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            held = b""
            while True:
                while b"\r\n\r\n" not in held:
                    more = sock.recv(65536)
                    if not more:
                        return
                    held += more
                request, _, held = held.partition(b"\r\n\r\n")
                path = request.split(b" ")[1].decode()
                asked.append(path)
                answer = answers.get(path, ROBOTS if path == "/robots.txt" else GOOD)
                sock.sendall(answer)
                if answer not in (GOOD, ROBOTS):
                    return

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    options: dict[str, object] = {
        "connect_to": (f"odd.example.org=127.0.0.1:{server.getsockname()[1]}",),
        "per_host_rate": 1000.0,
        "read_timeout": 2.0,
        "max_retry_after": 0.01,
        "patience": 0.2,
        **changes,
    }
    try:
        with Fetcher(FetchRules(**options)) as fetcher:  # type: ignore[arg-type]
            yield fetcher, asked
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def url(path: str) -> str:
    return f"http://odd.example.org{path}"


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode("latin-1")


CHUNKED = head("Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (CHUNKED + b"-5\r\n" + BODY, Outcome.HTTP_ERROR),
        (CHUNKED + b"5_0\r\n" + BODY * 9, Outcome.HTTP_ERROR),
        (CHUNKED + b"3\r\nabcX\r\n0\r\n\r\n", Outcome.HTTP_ERROR),
        (CHUNKED + b"9", Outcome.SHORT_BODY),
        (head("Content-Length: -5") + BODY, Outcome.HTTP_ERROR),
        (head("Content-Length: 5", "Content-Length: 6") + BODY, Outcome.HTTP_ERROR),
        (head("Content-Length: 99") + BODY, Outcome.SHORT_BODY),
        (head("Transfer-Encoding: gzip, chunked") + b"3\r\nabc\r\n0\r\n\r\n", Outcome.HTTP_ERROR),
        (head(status="101 Switching Protocols"), Outcome.HTTP_ERROR),
        (head(status="103 Early Hints") * 33 + GOOD, Outcome.HTTP_ERROR),
        (head(status="103 Early Hints"), Outcome.CONNECT_FAILED),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Outcome.CONNECT_FAILED),
        (b"HTTP/1.1 000 Nothing\r\n\r\n", Outcome.HTTP_ERROR),
        (b"\xff\xd8\xff\xe0" + bytes(99), Outcome.HTTP_ERROR),
        (head("Content-Length: 1" + "0" * 5000), Outcome.TOO_LARGE),
    ],
)
def test_an_answer_outside_the_rules_costs_one_url(answer: bytes, outcome: Outcome) -> None:
    with host({"/bad": answer}) as (fetcher, asked):
        paths = ["/1", "/bad", "/2", "/3"]
        got = dict(fetcher.fetch_all([url(path) for path in paths]))
    assert got[1].outcome is outcome, got[1].detail
    assert got[1].detail and "0x7f" not in got[1].detail
    assert [got[place].data for place in (0, 2, 3)] == [BODY] * 3
    assert asked.count("/bad") == (3 if outcome.info.retryable else 1)


@pytest.mark.parametrize(
    "interim", ["100 Continue", "102 Processing", "103 Early Hints", "110 Response is Stale", "199 x"]
)
def test_interim_answers_are_read_over(interim: str) -> None:
    with host({"/a": head("Link: </s.css>", status=interim) * 3 + GOOD}) as (fetcher, _):
        assert [answer.data for _, answer in fetcher.fetch_all([url("/a"), url("/b")])] == [BODY] * 2


@pytest.mark.parametrize(
    "robots",
    [
        CHUNKED + b"-5\r\n",
        head("Content-Length: +5") + b"User-agent: *",
        b"\0\r\n\r\n",
        b"",
        head(status="101 Switching Protocols"),
        head("Location: http://[bad", status="302 Found"),
        head("Location: http://\xff\xfe\x85/\x00", "Content-Length: 0", status="302 Found"),
        head("Retry-After: Wed, 99 Oct 99999 99:99:99 +9999", "Content-Length: 0", status="503 Busy"),
        head("Content-Encoding: br") + b"\x1b\x03\x00\xf8",
        head() + b"User-agent: *\nCrawl-delay: \xd9\xa5\nDisallow: /%\n\xff\xfe",
    ],
)
def test_a_robots_txt_outside_the_rules_ends_no_run(robots: bytes) -> None:
    with host({"/robots.txt": robots}) as (fetcher, _):
        answers = [answer for _, answer in fetcher.fetch_all([url("/a"), url("/b")])]
    assert len(answers) == 2
    assert all(answer.ok or answer.detail for answer in answers)


def test_rules_that_cannot_be_read_to_their_end_forbid_and_those_that_can_are_kept_to() -> None:
    rules = b"User-agent: *\nDisallow: /a\n"
    with host({"/robots.txt": CHUNKED + b"%x\r\n" % len(rules) + rules + b"X\r\n0\r\n\r\n"}) as (fetcher, asked):
        answer = fetcher.fetch(url("/b"))
    assert (answer.outcome, "/b" in asked) == (Outcome.HTTP_ERROR, False)
    assert "robots.txt could not be read" in answer.detail
    for name in ("none", "utf-8", "br"):
        whole = head(f"Content-Encoding: {name}", f"Content-Length: {len(rules)}") + rules
        with host({"/robots.txt": head(status="103 Early Hints") + whole}) as (fetcher, _):
            got = dict(fetcher.fetch_all([url("/a"), url("/b")]))
        assert (got[0].outcome, got[1].data) == (Outcome.ROBOTS_DISALLOWED, BODY)


@pytest.mark.parametrize(
    "page", [CHUNKED[17:] + b"-5\r\n", b"Content-Length: -5\r\n\r\n", b"X: \0\r\n\r\noh", b"\r\n" + bytes(99_999)]
)
def test_an_error_page_outside_the_rules_ends_no_run(page: bytes) -> None:
    with host({"/a": b"HTTP/1.1 404 Not Found\r\n" + page}) as (fetcher, _):
        got = dict(fetcher.fetch_all([url("/a"), url("/b")]))
    assert got[0].outcome in (Outcome.GONE, Outcome.HTTP_ERROR)
    assert got[1].data == BODY


@pytest.mark.parametrize(
    "location",
    [
        "http://[bad",
        "//",
        "http://",
        "http://a\x80b/",
        "http://example.org:99999/",
        "http://\u00ff.example.org/",
        "//[::1",
        "?" * 9000,
    ],
)
def test_a_location_that_cannot_be_read_is_an_outcome(location: str) -> None:
    with host({"/a": head(f"Location: {location}", "Content-Length: 0", status="302 Found")}) as (fetcher, _):
        got = dict(fetcher.fetch_all([url("/a"), url("/b")]))
    assert got[0].outcome is not None and got[0].detail
    assert got[1].data == BODY


def test_of_two_answers_in_one_the_second_is_nobodys() -> None:
    other = GOOD.replace(b"picture", b"falsity")
    with host({"/1": GOOD + other}, per_host_connections=1, robots=False) as (fetcher, _):
        for path in ("/0", "/1", "/2", "/1", "/3"):
            assert fetcher.fetch(url(path)).data == BODY


def test_whatever_a_library_does_with_an_answer_is_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = [
        RecursionError("too deep in <x.Y object at 0x7f00deadbeef>"),
        AttributeError("'None'"),
    ]
    for error in raised:
        with host({"/a": head("Content-Length: 0", status="503 Busy")}) as (fetcher, asked):
            monkeypatch.setattr(asking, "retry_after", lambda *_, error=error: (_ for _ in ()).throw(error))
            got = dict(fetcher.fetch_all([url("/a"), url("/b")]))
        assert (got[0].outcome, got[0].status) == (Outcome.HTTP_ERROR, 503)
        assert type(error).__name__ in got[0].detail and "0x7f" not in got[0].detail
        assert got[1].data == BODY
        assert asked.count("/a") == 3
    for fault in (MemoryError(), PipelineError("no contact", remedy="name it")):
        with host({"/a": head("Content-Length: 0", status="503 Busy")}) as (fetcher, _):
            monkeypatch.setattr(asking, "retry_after", lambda *_, error=fault: (_ for _ in ()).throw(error))
            with pytest.raises(type(fault)):
                fetcher.fetch(url("/a"))


def test_an_address_out_of_a_page_of_html_is_asked_as_it_was_meant() -> None:
    for written in (
        "/i?id=7&amp;size=full",
        "/i?id=7&#38;size=full",
        "/i?id=7&#038;size=full",
        "/i?id=7&amp;amp;size=full",
    ):
        with host({}) as (fetcher, asked):
            answer = fetcher.fetch(url(written))
        assert answer.data == BODY
        assert asked[-1] == "/i?id=7&size=full"
        assert answer.final_url == url("/i?id=7&size=full")
    assert to_uri("http://example.org/?a=1&amper=2&#39;").request_uri == "/?a=1&amper=2&"
    with host({"/a": head("Location: /b?x=1&amp;y=2", "Content-Length: 0", status="302 Found")}) as (fetcher, asked):
        assert fetcher.fetch(url("/a")).data == BODY
        assert asked[-1] == "/b?x=1&amp;y=2", "a host's own address is asked as the host wrote it"


def test_a_bucket_in_another_region_says_where_it_is() -> None:
    page = (
        b"<?xml version='1.0'?><Error><Code>PermanentRedirect</Code>"
        b"<Endpoint>herbarium.s3-us-west-2.amazonaws.com</Endpoint><Bucket>herbarium</Bucket></Error>"
    )
    moved = head("x-amz-bucket-region: us-west-2", f"Content-Length: {len(page)}", status="301 Moved") + page
    with host({"/a": moved}) as (fetcher, asked):
        got = dict(fetcher.fetch_all([url("/a"), url("/b")]))
    assert (got[0].outcome, got[0].status, asked.count("/a")) == (Outcome.HTTP_ERROR, 301, 1)
    assert "us-west-2" in got[0].detail and "herbarium.s3-us-west-2.amazonaws.com" in got[0].detail
    assert got[1].data == BODY
    evil = head("x-amz-bucket-region: \x1b[31m", status="301 Moved") + b"<Endpoint>\x1b]0;x\x07</Endpoint>"
    with host({"/a": evil}) as (fetcher, _):
        assert fetcher.fetch(url("/a")).detail == "status 301"


@pytest.mark.parametrize(
    ("info", "place"),
    [
        (
            {"@context": "http://iiif.io/api/image/3/context.json", "id": "https://x.org/iiif/7", "width": 9},
            "https://x.org/iiif/7",
        ),
        (
            {"@context": "http://iiif.io/api/image/2/context.json", "@id": "https://x.org/iiif/7/"},
            "https://x.org/iiif/7",
        ),
        ({"@context": ["http://x.org/a", "http://iiif.io/api/image/3/context.json"], "id": 7}, "ID"),
        ({"protocol": "http://iiif.io/api/image", "id": "javascript:alert(1)"}, "ID"),
    ],
)
def test_a_description_in_place_of_a_picture_says_where_the_picture_is(info: dict[str, object], place: str) -> None:
    answer = process(json.dumps(info).encode(), [None], ImageRules(), 10**6)[0]
    assert answer.outcome is Outcome.NOT_AN_IMAGE
    assert f"{place}/full/max/0/default.jpg" in answer.detail
    other = process(json.dumps({"see": "http://iiif.io/api/image"}).encode(), [None], ImageRules(), 10**6)[0]
    assert other.detail == "the bytes look like JSON"


@given(st.text(max_size=60), st.sampled_from(["", "http://", "//", "http://[", "https://example.org/", "http://ex%"]))
def test_every_location_leads_somewhere_or_is_refused(text: str, start: str) -> None:
    location = (start + text).encode("utf-8", "replace").decode("utf-8")
    target = ASKER.redirect_target(to_uri("https://example.org/a/b?c"), location)
    if not isinstance(target, Refusal):
        assert target.url.isascii() and target.scheme == "https"


@given(st.binary(max_size=300), st.sampled_from([b"", b"User-agent: *\n", b"User-agent: *\nDisallow: "]))
def test_every_robots_txt_can_be_read(text: bytes, start: bytes) -> None:
    rules = permission(Fetched(None, data=start + text, status=200))
    assert isinstance(rules, Robots)
    assert isinstance(rules.refusal("/a%2fb?c=%"), str)


def test_robots_txt_is_read_in_time_that_grows_with_its_length() -> None:
    # Each of these took minutes, or all memory, while nobody else was asked.
    assert parse_robots("User-agent: *\nDisallow: x" + " " * 400_000 + "x\n").rules[0][1].startswith("x")
    agents = "".join(f"User-agent: a{number}\n" for number in range(15_000)) + "User-agent: *\n"
    assert len(parse_robots(agents + "Disallow: /\n" * 15_000).rules) == 15_000
