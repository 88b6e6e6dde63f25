"""A host that allows 5 requests a second, a slow host beside a fast one, robots.txt, and hosts that are given up."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from manifests.recipe import FetchRules
from pipeline.media import Fetched, Fetcher
from pipeline.model.outcomes import Outcome

BODY = b"\xff\xd8\xff" + bytes(500)


@dataclass
class Host:
    """A loopback host: what it was asked, when, and how it answered."""

    port: int = 0
    asked: list[tuple[float, str, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def media(self) -> list[tuple[float, str, int]]:
        return [entry for entry in self.asked if entry[1] != "/robots.txt"]


@contextmanager
def serving(answer: Callable[[Host, str], tuple[int, bytes, dict[str, str]]]) -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            status, body, headers = answer(host, self.path)
            with host.lock:
                host.asked.append((time.monotonic(), self.path, status))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield host
    server.shutdown()
    server.server_close()


def rules(**changes: Any) -> FetchRules:
    return FetchRules(**{"contact": "tests@example.org", "allow_private": ("127.0.0.1",), **changes})


def fetch(urls: list[str], **changes: Any) -> list[Fetched]:
    with Fetcher(rules(**changes)) as fetcher:
        return [answer for _, answer in sorted(fetcher.fetch_all(urls), key=lambda pair: pair[0])]


def limiter(per_second: int) -> Callable[[Host, str], tuple[int, bytes, dict[str, str]]]:
    """Answer at most so many requests in any second; the others get 429 with Retry-After."""
    window: deque[float] = deque()

    def answer(host: Host, path: str) -> tuple[int, bytes, dict[str, str]]:
        with host.lock:
            now = time.monotonic()
            while window and now - window[0] >= 1.0:
                window.popleft()
            if len(window) >= per_second:
                return 429, b"", {"Retry-After": "1"}
            window.append(now)
        return (404, b"", {}) if path == "/robots.txt" else (200, BODY, {})

    return answer


def test_a_host_that_allows_five_a_second_says_429_once() -> None:
    with serving(limiter(5)) as host:
        answers = fetch([f"http://127.0.0.1:{host.port}/{n}" for n in range(25)], per_host_rate=20.0)
    assert all(answer.ok and answer.attempts == 1 for answer in answers)
    refused = sum(status == 429 for _, _, status in host.asked)
    print(f"{len(host.asked)} requests, {refused} answers of 429")
    assert refused == 1


def test_a_slow_host_does_not_delay_a_fast_one() -> None:
    def slow(host: Host, path: str) -> tuple[int, bytes, dict[str, str]]:
        time.sleep(1.5 if path != "/robots.txt" else 0)
        return (404, b"", {}) if path == "/robots.txt" else (200, BODY, {})

    def fast(host: Host, path: str) -> tuple[int, bytes, dict[str, str]]:
        return (404, b"", {}) if path == "/robots.txt" else (200, BODY, {})

    with serving(fast) as alone:
        fetch([f"http://127.0.0.1:{alone.port}/{n}" for n in range(60)], per_host_rate=100.0)
    with serving(slow) as one, serving(fast) as two:
        urls = [f"http://127.0.0.1:{one.port}/{n}" for n in range(16)]
        urls += [f"http://127.0.0.1:{two.port}/{n}" for n in range(60)]
        assert all(answer.ok for answer in fetch(urls, per_host_rate=100.0))
    spans = [max(at for at, *_ in host.asked) - min(at for at, *_ in host.asked) for host in (alone, two, one)]
    print(f"fast host alone {spans[0]:.2f} s, beside the slow one {spans[1]:.2f} s; the slow one {spans[2]:.2f} s")
    assert spans[1] < spans[0] + 0.5 < spans[2]


def test_robots_txt_is_asked_for_once_and_kept_to() -> None:
    def answer(host: Host, path: str) -> tuple[int, bytes, dict[str, str]]:
        return 200, b"User-agent: *\nDisallow: /no" if path == "/robots.txt" else BODY, {}

    with serving(answer) as host:
        base = f"http://127.0.0.1:{host.port}"
        answers = fetch([f"{base}/yes/1", f"{base}/no/1", f"{base}/yes/2"], per_host_rate=100.0)
        assert [answer.outcome for answer in answers] == [None, Outcome.ROBOTS_DISALLOWED, None]
        assert [path for _, path, _ in host.asked].count("/robots.txt") == 1
        assert fetch([f"{base}/no/1"], robots=False)[0].ok


def test_a_host_that_refuses_everything_is_given_up() -> None:
    with serving(lambda host, path: (403, b"", {})) as host:
        answers = fetch([f"http://127.0.0.1:{host.port}/{n}" for n in range(100)], per_host_rate=500.0, give_up_after=5)
    assert {answer.outcome for answer in answers} == {Outcome.BLOCKED}
    assert 5 <= len(host.media()) <= 5 + 8  # requests that were under way when the fifth refusal came


def test_a_host_that_has_nothing_is_given_up_without_saying_that_the_rest_is_gone() -> None:
    with serving(lambda host, path: (404, b"", {})) as host:
        answers = fetch([f"http://127.0.0.1:{host.port}/{n}" for n in range(100)], per_host_rate=500.0, give_up_after=2)
    outcomes = [answer.outcome for answer in answers]
    assert set(outcomes) == {Outcome.GONE, Outcome.HOST_DEAD}
    assert outcomes.count(Outcome.GONE) == len(host.media()) <= 20 + 8


def test_one_good_answer_between_refusals_keeps_a_host() -> None:
    with serving(lambda host, path: (403 if int(path[1:] or 0) % 4 else 200, BODY, {})) as host:
        answers = fetch(
            [f"http://127.0.0.1:{host.port}/{n}" for n in range(40)],
            per_host_rate=500.0,
            per_host_connections=1,
            give_up_after=5,
            robots=False,
        )
    assert len(host.media()) == 40
    assert sum(answer.ok for answer in answers) == 10
