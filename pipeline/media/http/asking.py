"""One request and its answer: what the head says, the body under its caps, and the network's failures as outcomes.

Redirects are not followed here but given to the caller, because every hop has to pass the same guards, and wait for
the same turn, as the first URL.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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

from manifests.recipe import FetchRules
from pipeline.media.http.bodies import discard, read_body
from pipeline.media.http.budget import ByteBudget, Holder
from pipeline.media.http.connections import FRESH, BlockedAddressError, UnknownHostError
from pipeline.media.http.encodings import BodyError
from pipeline.media.http.guards import Refusal, Routes, bare_host, check_uri, port_of, to_uri
from pipeline.media.http.heads import FramingError
from pipeline.media.http.hosts import Job
from pipeline.media.http.limits import HostLimits
from pipeline.media.http.optouts import opted_out
from pipeline.media.http.proxied import ProxyFailedError, Ways
from pipeline.media.http.reachability import EVIDENCE, Evidence, note_connection
from pipeline.media.http.retries import retry_after
from pipeline.media.http.robots import MAX_BYTES
from pipeline.media.http.store_errors import absent
from pipeline.media.http.timed_reader import DEADLINE
from pipeline.media.images.decode_hints import region_of
from pipeline.model.errors import PipelineError, UsageError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome

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
class Answer:
    """What one request gave, and whether another one may give more."""

    fetched: Fetched
    again: bool = False
    wait: float | None = None
    """Seconds the host asked us to wait; None: back off by our own rule."""
    location: str = ""
    """Where a redirect leads; empty for a final answer."""
    spent: float = 0.0
    """Seconds of network time."""
    holder: Holder | None = None
    """What the body holds of the budget, until it has been used."""
    shown: Evidence = field(default_factory=Evidence)
    """What the request showed of our own network."""


class Asker:
    """Asks over guarded keep-alive connections, saying who asks; safe to use from several threads."""

    def __init__(
        self, rules: FetchRules, routes: Routes, limits: HostLimits, budget: ByteBudget, head: bool = False
    ) -> None:
        self._rules = rules
        self._media_method = "HEAD" if head else "GET"
        self._routes = routes
        self._budget = budget
        self._ways = Ways(routes, rules.per_host_connections, lambda name: limits(name).connections)
        agent = f"biomill/{importlib.metadata.version('biomill')}"
        self._headers = {
            "User-Agent": f"{agent} (+{rules.contact})" if rules.contact else agent,
            "Accept": "image/*, */*;q=0.5",
            "Accept-Encoding": "identity",  # images do not shrink; hosts that encode all the same are understood
        }

    def close(self) -> None:
        """Close every idle connection."""
        self._ways.close()

    def answer(self, job: Job) -> Answer:
        """Send a job's next request, unless it must not be sent; `ask` and `unnamed` say what is raised."""
        media = not job.robots_of
        denied = self.unnamed(job.uri, job.hops) if media or job.hops else None
        if denied is not None:
            return Answer(denied)
        cap = self._rules.max_bytes if media else MAX_BYTES
        return self.ask(job.uri, job.budget, cap, media, fresh=job.attempts > 0)

    def unnamed(self, uri: Url, hop: int) -> Fetched | None:
        """Refuse where a public host must not be asked without a contact.

        Raises UsageError for a URL of the recipe's; a foreign redirect ends one row, it must not end the run.
        """
        if self._rules.contact or self._routes.redirected(bare_host(uri), port_of(uri)) is not None:
            return None
        if hop:
            detail = f"redirected to {uri.url}, and no contact is set to ask other hosts with"
            return Fetched(Outcome.HOST_NOT_ALLOWED, final_url=uri.url, detail=detail)
        raise UsageError(
            "media would be fetched without saying who asks",
            where=uri.url,
            expected="fetch.contact: a mail address or URL for the User-Agent",
            remedy='add contact = "you@example.org" under [fetch] in the recipe, or give --contact',
        )

    def redirect_target(self, uri: Url, location: str) -> Url | Refusal:
        """Return where a redirect leads, or why it is not followed."""
        try:
            target = to_uri(urljoin(uri.url, location), written=True)
        except ValueError as error:
            return Refusal(Outcome.TOO_MANY_REDIRECTS, str(error))
        if uri.scheme == "https" and target.scheme == "http":
            return Refusal(Outcome.TOO_MANY_REDIRECTS, "from https down to http")
        return check_uri(target, self._rules) or target

    def ask(self, uri: Url, seconds: float, cap: int, media: bool = True, fresh: bool = False) -> Answer:
        """Send one request and read its answer, in at most `seconds` and `cap` bytes.

        `fresh`: over a new connection, on which nobody else's answer can lie, as is right for another attempt.
        `media` is False for robots.txt, whose opt-out headers mean nothing and whose first `cap` bytes are enough.
        Raises PipelineError and MemoryError only: whatever a host does is the answer to this one request.
        """
        started = time.monotonic()
        deadline = started + seconds
        holder = self._budget.holder()
        # A host that is slow to begin is told from one that is slow to end.
        token = DEADLINE.set(min(deadline, started + self._rules.connect_timeout + self._rules.first_byte_timeout))
        renewed = FRESH.set(fresh)
        shown = Evidence()
        noted = EVIDENCE.set(shown)
        timeout = Timeout(connect=self._rules.connect_timeout, read=self._rules.read_timeout)
        response: BaseHTTPResponse | None = None
        waited = [0.0]

        def take(count: int) -> None:
            if (seconds := holder.take(count)) > 0:  # waiting for memory is our fault, not the host's
                waited[0] += seconds
                DEADLINE.set(DEADLINE.get() + seconds)

        answer = Answer(Fetched(None))
        try:
            proxy = self._ways.proxy(uri)
            pool, target = self._ways.pool(uri, proxy)
            response = pool.urlopen(
                self._media_method if media else "GET",
                target,
                headers=self._headers,
                retries=False,
                redirect=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
                assert_same_host=False,
            )
            DEADLINE.set(deadline)
            if proxy is not None:
                self._ways.answered(proxy, response)
            elif peer := getattr(response.connection, "peer", ""):
                note_connection(peer)  # one that was kept alive shows as well that there is a route
            answer = self._judge(uri, response, cap, take, media)
        except BodyError as error:
            answer = _failed(uri, response, error.outcome, str(error), again=error.again)
        except BlockedAddressError as error:
            answer = _failed(uri, response, Outcome.BLOCKED_ADDRESS, str(error), again=False)
        except UnknownHostError as error:
            answer = _failed(uri, response, Outcome.DNS_FAILED, str(error), again=not error.final)
        except ProxyFailedError as error:
            answer = _failed(uri, None, Outcome.CONNECT_FAILED, str(error))
        except NewConnectionError as error:  # before its base class ConnectTimeoutError
            answer = _failed(uri, response, Outcome.CONNECT_FAILED, str(error))
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            answer = _failed(uri, response, Outcome.TIMEOUT, _words(error))
        except (SSLError, ssl.SSLError) as error:
            answer = _failed(uri, response, Outcome.TLS_FAILED, _words(error), again=False)
        except (ProtocolError, HTTPError) as error:
            parts = (*error.args, error.__cause__)
            framing = next((part for part in parts if isinstance(part, FramingError)), None)
            cut = any(isinstance(part, OSError) for part in parts)
            outcome = Outcome.CONNECT_FAILED if cut else Outcome.HTTP_ERROR
            answer = _failed(uri, response, outcome, _words(framing or error))
        except (PipelineError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - no answer may end a run, whatever it makes a library do
            words = f"the answer could not be read: {type(error).__name__}: {_words(error)}"
            answer = _failed(uri, response, Outcome.HTTP_ERROR, words)
        finally:
            DEADLINE.reset(token)
            FRESH.reset(renewed)
            EVIDENCE.reset(noted)
            if response is not None:
                response.release_conn()
            if not answer.fetched.data:
                holder.release()
        spent = time.monotonic() - started - waited[0]
        return replace(answer, spent=spent, holder=holder if answer.fetched.data else None, shown=shown)

    def _judge(
        self, uri: Url, response: BaseHTTPResponse, cap: int, take: Callable[[int], object], media: bool
    ) -> Answer:
        """Turn the head of an answer into an outcome, and read the body of a good one."""
        status, headers = response.status, response.headers
        base = Fetched(None, status=status, final_url=uri.url, content_type=headers.get("Content-Type", "")[:200])
        if media and (200 <= status < 300 or status in _REDIRECTS):
            tags = headers.getlist("X-Robots-Tag")
            signal = opted_out(tags, headers.get("tdm-reservation", ""), self._rules.opt_outs)
            if signal is not None:
                response.close()
                return Answer(replace(base, outcome=signal[0], detail=signal[1]))
        if 200 <= status < 300 and status != 206 and media and self._media_method == "HEAD":
            length = headers.get("Content-Length", "")
            discard(response)
            return Answer(replace(base, length=int(length) if re.fullmatch(r"[0-9]{1,18}", length) else -1))
        if 200 <= status < 300 and status != 206:
            data = read_body(response, cap, take, cut=not media)
            if not data:
                return Answer(replace(base, outcome=Outcome.EMPTY, detail=f"status {status} with an empty body"))
            code = absent(data) if media else ""
            if code:
                return Answer(replace(base, outcome=Outcome.GONE, detail=f"status {status} with {code} of a store"))
            return Answer(replace(base, data=data))
        page = discard(response)
        code = absent(page) if media else ""
        if status in _REDIRECTS and headers.get("Location"):
            return Answer(base, location=_header_text(headers.getlist("Location")[0]))
        if code and 400 <= status < 500 and status != 429:
            return Answer(replace(base, outcome=Outcome.GONE, detail=f"status {status} with {code} of a store"))
        outcome = _STATUS.get(status, Outcome.HTTP_ERROR)
        failed = replace(base, outcome=outcome, detail=f"status {status}{region_of(status, headers, page)}")
        if outcome is Outcome.THROTTLED:
            return Answer(failed, again=True, wait=retry_after(headers.get("Retry-After"), headers.get("Date")))
        return Answer(failed, again=status >= 500 or status in (408, 425))


def _failed(uri: Url, response: BaseHTTPResponse | None, outcome: Outcome, detail: str, again: bool = True) -> Answer:
    if response is None:
        return Answer(Fetched(outcome, final_url=uri.url, detail=detail), again=again)
    with contextlib.suppress(OSError, HTTPError):
        response.close()  # what is left of this answer must never be read as the next one
    kind = response.headers.get("Content-Type", "")[:200]
    failed = Fetched(outcome, status=response.status, final_url=uri.url, content_type=kind, detail=detail)
    return Answer(failed, again=again)


def _header_text(value: str) -> str:
    """Undo the Latin-1 reading of a header that was sent as UTF-8, as non-ASCII Locations are."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _words(error: Exception) -> str:
    """Return what an error of the network says, without the memory addresses that would differ in every run."""
    return re.sub(r"<[^<>]*\bat 0x[0-9a-f]+>:? ?|\b0x[0-9a-f]{6,}\b", "", str(error))[:300]
