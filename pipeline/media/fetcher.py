"""The fetcher: URLs in, bytes or an outcome out, politely and within every cap of the recipe.

One `Fetcher` keeps connections alive over all its URLs and makes its TLS context once. Redirects are followed here and
not by the HTTP library, because every hop has to pass the same guards as the first URL.
"""

from __future__ import annotations

import importlib.metadata
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Timeout, Url

from manifests.errors import RecipeError
from manifests.recipe import FetchRules
from pipeline.errors import PipelineError
from pipeline.media.bodies import BodyError, discard, read_body
from pipeline.media.connections import DEADLINE, BlockedAddressError, GuardedPools, UnknownHostError
from pipeline.media.fetched import Fetched
from pipeline.media.guards import Refusal, Routes, bare_host, check_uri, check_url, port_of, to_uri
from pipeline.media.hosts import Hosts
from pipeline.media.retries import backoff, retry_after
from pipeline.outcomes import Outcome

_MAX_THREADS = 64
_WINDOW_BYTES = 64 << 20  # finished bodies that may wait for a slower one before them
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS = {
    404: Outcome.GONE,
    410: Outcome.GONE,
    401: Outcome.BLOCKED,
    403: Outcome.BLOCKED,
    451: Outcome.BLOCKED,
    429: Outcome.THROTTLED,
    503: Outcome.THROTTLED,
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one attempt gave, and whether another one may give more."""

    fetched: Fetched
    again: bool = False
    wait: float | None = None
    """Seconds the host asked us to wait; None: back off by our own rule."""
    location: str = ""
    """Where a redirect leads; empty for a final answer."""


class Fetcher:
    """Fetches media over http(s); a context manager, safe to use from several threads.

    `share`: the part (0 to 1] of the recipe's per-host rate and connections that this fetcher may use, so that lanes
    in several processes keep the limits together. Raises RecipeError when the rules cannot be kept, and PipelineError
    from `fetch` when a public host would be asked without a contact. Everything a host can do wrong is an outcome.

    >>> with Fetcher(FetchRules()) as fetcher:
    ...     fetcher.fetch("ftp://example.org/a.jpg").outcome.code
    'bad_url'
    """

    def __init__(self, rules: FetchRules, share: float = 1.0) -> None:
        if not 0 < share <= 1 or rules.per_host_rate <= 0 or rules.per_host_connections < 1 or rules.attempts < 1:
            raise RecipeError(
                f"fetch rules leave nothing to work with: rate {rules.per_host_rate}, connections "
                f"{rules.per_host_connections}, attempts {rules.attempts}, share {share}",
                expected="a rate above 0, at least 1 connection and 1 attempt, a share in (0, 1]",
                remedy="correct [fetch] in the recipe",
            )
        if not re.fullmatch(r"[\x20-\x7e]*", rules.contact):
            raise RecipeError(
                f"contact {rules.contact!r} cannot be sent in a header",
                expected="a mail address or URL in printable ASCII",
                remedy="correct fetch.contact in the recipe",
            )
        self.rules = rules
        self.connections = max(1, int(rules.per_host_connections * share))
        self._routes = Routes.of(rules)
        self._hosts = Hosts(rules.per_host_rate * share, self.connections)
        self._pools = GuardedPools(self._routes, self.connections)
        self._closing = threading.Event()
        agent = f"biomill/{importlib.metadata.version('biomill')}"
        self._headers = {
            "User-Agent": f"{agent} (+{rules.contact})" if rules.contact else agent,
            "Accept": "image/*, */*;q=0.5",
            "Accept-Encoding": "identity",  # images do not shrink; hosts that encode all the same are understood
        }

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all waiting and close every idle connection."""
        self._closing.set()
        self._pools.clear()

    def fetch(self, url: str) -> Fetched:
        """Give the bytes behind a URL, or the outcome that says why there are none.

        Network time over all attempts is bounded by `total_timeout` seconds; waiting for one's turn, for Retry-After
        and for back-off comes on top, bounded by `attempts` and `max_retry_after`. Memory: at most `max_bytes`.
        """
        refusal = check_url(url, self.rules)
        if refusal is not None:
            return Fetched(refusal.outcome, detail=refusal.reason)
        uri = to_uri(url)
        budget = self.rules.total_timeout
        attempt = 1
        while True:
            result, spent = self._attempt(uri, budget)
            fetched = replace(result.fetched, attempts=attempt)
            budget -= spent
            if not result.again or attempt >= self.rules.attempts or budget <= 0:
                return fetched
            if result.wait is None:
                wait = backoff(url, attempt, self.rules.max_retry_after)
            elif result.wait > self.rules.max_retry_after:
                reason = (
                    f"{fetched.detail}; Retry-After {result.wait:.0f} s, more than {self.rules.max_retry_after:g} s"
                )
                return replace(fetched, detail=reason)
            else:
                wait = result.wait
            if self._closing.wait(wait):
                raise PipelineError("the fetcher was closed while media were still asked for")
            attempt += 1

    def fetch_all(self, urls: Sequence[str]) -> Iterator[Fetched]:
        """Give what `fetch` gives for every URL, in the order of the URLs, many at a time.

        URLs run ahead of the one that is awaited by a few per connection, and only while less than 64 MB of finished
        bodies wait: memory stays bounded by the rules, whatever the number of URLs.
        """
        hosts = {url.partition("//")[2].partition("/")[0].lower() for url in urls}
        threads = max(1, min(_MAX_THREADS, len(urls), len(hosts) * self.connections))
        waiting: deque[Future[Fetched]] = deque()
        todo = iter(urls)
        executor = ThreadPoolExecutor(threads, thread_name_prefix="biomill-fetch")
        try:
            while True:
                while len(waiting) < threads * 4 and _held_bytes(waiting) < _WINDOW_BYTES:
                    url = next(todo, None)
                    if url is None:
                        break
                    waiting.append(executor.submit(self.fetch, url))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            executor.shutdown(wait=True, cancel_futures=True)

    def _attempt(self, uri: Url, budget: float) -> tuple[_Attempt, float]:
        """Ask once and follow redirects; also give the seconds of network time that it took."""
        spent = 0.0
        for hop in range(self.rules.max_redirects + 1):
            host = bare_host(uri)
            if not self.rules.contact and self._routes.redirected(host, port_of(uri)) is None:
                if hop:  # a foreign redirect ends one row; it must not be able to end the run
                    detail = f"redirected to {uri.url}, and no contact is set to ask other hosts with"
                    return _Attempt(Fetched(Outcome.HOST_NOT_ALLOWED, final_url=uri.url, detail=detail)), spent
                raise PipelineError(
                    "media would be fetched without saying who asks",
                    where=uri.url,
                    expected="fetch.contact: a mail address or URL for the User-Agent",
                    remedy='add contact = "you@example.org" under [fetch] in the recipe',
                )
            with self._hosts.gate(host).turn(self._closing):
                started = time.monotonic()
                answer = self._ask(uri, started + budget - spent)
                spent += time.monotonic() - started
            if answer.wait is not None and answer.wait <= self.rules.max_retry_after:
                self._hosts.gate(host).pause(answer.wait)
            if not answer.location:
                return answer, spent
            target = self._redirect_target(uri, answer.location)
            if isinstance(target, Refusal):
                detail = f"redirect to {answer.location[:200]!r}: {target.reason}"
                return _Attempt(replace(answer.fetched, outcome=target.outcome, detail=detail)), spent
            uri = target
        detail = f"more than {self.rules.max_redirects} redirects"
        return _Attempt(Fetched(Outcome.TOO_MANY_REDIRECTS, final_url=uri.url, detail=detail)), spent

    def _redirect_target(self, uri: Url, location: str) -> Url | Refusal:
        try:
            target = to_uri(urljoin(uri.url, location))
        except ValueError as error:
            return Refusal(Outcome.TOO_MANY_REDIRECTS, str(error))
        if uri.scheme == "https" and target.scheme == "http":
            return Refusal(Outcome.TOO_MANY_REDIRECTS, "from https down to http")
        return check_uri(target, self.rules) or target

    def _ask(self, uri: Url, deadline: float) -> _Attempt:
        """Send one request and read its answer; the failures of the network become outcomes here."""
        token = DEADLINE.set(deadline)
        pool = self._pools.connection_from_url(uri.url)
        timeout = Timeout(connect=self.rules.connect_timeout, read=self.rules.read_timeout)
        response: BaseHTTPResponse | None = None
        try:
            response = pool.urlopen(
                "GET",
                uri.request_uri,
                headers=self._headers,
                retries=False,
                redirect=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
                assert_same_host=False,
            )
            return self._judge(uri, response)
        except BodyError as error:
            return self._failed(uri, response, error.outcome, str(error), again=error.again)
        except BlockedAddressError as error:
            return self._failed(uri, response, Outcome.BLOCKED_ADDRESS, str(error), again=False)
        except UnknownHostError as error:
            return self._failed(uri, response, Outcome.DNS_FAILED, str(error), again=not error.final)
        except NewConnectionError as error:  # before its base class ConnectTimeoutError
            return self._failed(uri, response, Outcome.CONNECT_FAILED, str(error))
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            return self._failed(uri, response, Outcome.TIMEOUT, _words(error))
        except (SSLError, ssl.SSLError) as error:
            return self._failed(uri, response, Outcome.TLS_FAILED, _words(error), again=False)
        except (ProtocolError, HTTPError) as error:
            cut = any(isinstance(part, OSError) for part in (*error.args, error.__cause__))
            return self._failed(uri, response, Outcome.CONNECT_FAILED if cut else Outcome.HTTP_ERROR, _words(error))
        finally:
            DEADLINE.reset(token)
            if response is not None:
                response.release_conn()

    def _judge(self, uri: Url, response: BaseHTTPResponse) -> _Attempt:
        """Turn the head of an answer into an outcome, and read the body of a good one."""
        status, headers = response.status, response.headers
        base = Fetched(None, status=status, final_url=uri.url, content_type=headers.get("Content-Type", "")[:200])
        if 200 <= status < 300 and status != 206:
            data = read_body(response, self.rules.max_bytes)
            if not data:
                return _Attempt(replace(base, outcome=Outcome.EMPTY, detail=f"status {status} with an empty body"))
            return _Attempt(replace(base, data=data))
        discard(response)
        if status in _REDIRECTS and headers.get("Location"):
            return _Attempt(base, location=_header_text(headers["Location"]))
        outcome = _STATUS.get(status, Outcome.HTTP_ERROR)
        failed = replace(base, outcome=outcome, detail=f"status {status}")
        if outcome is Outcome.THROTTLED:
            return _Attempt(failed, again=True, wait=retry_after(headers.get("Retry-After"), headers.get("Date")))
        return _Attempt(failed, again=status >= 500 or status in (408, 425))

    def _failed(
        self, uri: Url, response: BaseHTTPResponse | None, outcome: Outcome, detail: str, again: bool = True
    ) -> _Attempt:
        if response is None:
            return _Attempt(Fetched(outcome, final_url=uri.url, detail=detail), again=again)
        response.close()  # what is left of this answer must never be read as the next one
        kind = response.headers.get("Content-Type", "")[:200]
        failed = Fetched(outcome, status=response.status, final_url=uri.url, content_type=kind, detail=detail)
        return _Attempt(failed, again=again)


def _held_bytes(waiting: deque[Future[Fetched]]) -> int:
    return sum(len(f.result().data) for f in waiting if f.done() and not f.cancelled() and f.exception() is None)


def _header_text(value: str) -> str:
    """Undo the Latin-1 reading of a header that was sent as UTF-8, as non-ASCII Locations are."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _words(error: HTTPError | ssl.SSLError) -> str:
    """Give an error's message without the memory addresses that object representations carry."""
    return re.sub(r"<[^<>]* at 0x[0-9a-f]+>:? ?", "", str(error))[:300]
