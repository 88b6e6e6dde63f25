"""A polite client of one JSON API: it waits when it is asked to, tries again what may mend, and knows when to stop.

Connections are the guarded ones of the media fetcher: no private address is asked but a loopback that was named, and
no answer outlasts its deadline, however slowly it drips. User name and password are sent to the API's own host only,
and are taken out of everything that is logged or raised.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError

from manifests.recipe import FetchRules
from pipeline.media.http.connections import BlockedAddressError, GuardedPools
from pipeline.media.http.guards import Routes
from pipeline.media.http.retries import backoff, retry_after
from pipeline.media.http.timed_reader import DEADLINE
from pipeline.pull.addresses import check_address, is_loopback, same_site
from pipeline.pull.credentials import PASSWORD, USER, Credentials
from pipeline.pull.pull_errors import PullError, TransientError, UncertainError

T = TypeVar("T")
GBIF_API = "https://api.gbif.org/v1"
MAX_JSON_BYTES = 64 << 20
"""More than any page of 300 records has."""
LONGEST_BACKOFF = 120.0
MAX_REDIRECTS = 5
_REFUSED = frozenset({429, 503})  # certainly not done: may be sent again whatever it was
_FAILED = frozenset({408, 500, 502, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BLOCK = 1 << 16

logger = logging.getLogger("biomill")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited: `deadline` seconds for everything, `answer` for one JSON answer, `read` for one silence."""

    deadline: float = 86_400.0
    connect: float = 15.0
    read: float = 60.0
    answer: float = 180.0
    attempts: int = 8
    """Attempts at one thing that bring no progress."""


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = GuardedPools(self._routes, 1)


class Client:
    """An API under one base address. Use as a context manager; `wait` is how it pauses (seconds).

    Raises PullError for what no retry mends, and when attempts or the deadline are used up.
    """

    def __init__(
        self,
        base: str = GBIF_API,
        *,
        contact: str,
        credentials: Credentials | None = None,
        patience: Patience | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = check_address(base)
        if not re.fullmatch(r"[\x21-\x7e][\x20-\x7e]{2,199}", contact):
            raise PullError(
                f"contact {contact!r} cannot be sent" if contact else "no contact is named",
                expected="a mail address or URL in printable ASCII, so that the API's keepers can reach you",
                remedy="name it with --contact",
            )
        self.base = base.rstrip("/")
        self.credentials = credentials
        self.patience = patience or Patience()
        self._wait = wait
        self._ends = time.monotonic() + self.patience.deadline
        host = parts.hostname or ""
        private = (host,) if is_loopback(host) else ()
        self._session = requests.Session()
        # A .netrc or a proxy named in the environment would send credentials or requests where nobody named them.
        self._session.trust_env = False
        adapter = _GuardedAdapter(Routes.of(FetchRules(allow_private=private)))
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        version = importlib.metadata.version("biomill")
        self._session.headers.update({"User-Agent": f"biomill/{version} (+{contact})", "Accept": "application/json"})

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), *, signed: bool = False) -> dict[str, Any]:
        """Return the JSON object at a path below the base; `{user}` in the path stands for the user name."""
        return json_object(self.get_bytes(path, params, signed=signed), self.base + path)

    def get_bytes(self, path: str, params: Sequence[tuple[str, str]] = (), *, signed: bool = False) -> bytes:
        """Return the bytes of the JSON object at a path: exactly as answered, and whole."""

        def attempt() -> bytes:
            body, answer = self._json("GET", path, params=list(params), signed=signed)
            kind = answer.headers.get("Content-Type", "no content type")
            try:
                json_object(body, path)
            except PullError as error:
                raise TransientError(f"{error.what} (it calls itself {kind[:80]!r})", self.base + path) from error
            return body

        return self.patiently(f"{path} {list(params)}", attempt)

    def post(self, path: str, body: Mapping[str, Any]) -> str:
        """Send a JSON object, signed, and give the text of the answer.

        Refusals (429, 503) are tried again. Raises UncertainError when the answer was lost: what was asked may be done.
        """

        def attempt() -> str:
            try:
                answered, _ = self._json("POST", path, body=body, signed=True)
            except TransientError as error:
                if error.refused:
                    raise
                raise UncertainError(error.what, error.where) from error
            return answered.decode("utf-8", "replace").strip()

        return self.patiently(path, attempt)

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Open a download, unsigned, following redirects within the API's site; raises TransientError when cut."""
        with self._limited(self._left()):
            for _ in range(MAX_REDIRECTS + 1):
                if not same_site(self.base, url):
                    raise PullError(
                        "the download lies outside the API's site", where=url[:300], expected=f"a host of {self.base}"
                    )
                with self._sent("GET", url, headers={**headers, "Accept": "*/*"}) as answer:
                    if answer.status_code not in _REDIRECTS:
                        self._refuse(answer, url, passing=(200, 206, 416))
                        yield answer
                        return
                    url = urljoin(url, answer.headers.get("Location", ""))
        raise PullError("too many redirects", where=url[:300], expected=f"at most {MAX_REDIRECTS}")

    def blocks(self, answer: requests.Response, where: str) -> Iterator[bytes]:
        """Yield a body block by block; raises TransientError when it breaks off."""
        try:
            # read1 gives what has come: bytes before a cut are kept, where a read of a full block would lose them.
            while block := answer.raw.read1(_BLOCK, decode_content=True):
                yield block
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransientError(f"the answer broke off: {self._clean(str(error))[:200]}", where) from error

    def patiently(self, what: str, attempt: Callable[[], T]) -> T:
        """Try until it goes well, attempts are used up, or the deadline passes."""
        tried = 0
        while True:
            try:
                return attempt()
            except TransientError as error:
                tried += 1
                self.pause(error, what, tried)

    def pause(self, error: TransientError, what: str, tried: int) -> None:
        """Wait as long as back-off and the host ask; raises PullError when that is too long or too often."""
        delay = max(error.delay, backoff(what, tried, LONGEST_BACKOFF))
        if tried >= self.patience.attempts or delay > self._left():
            late = "no time is left to wait for it" if tried < self.patience.attempts else f"{tried} attempts were made"
            raise PullError(
                f"{error.what}; {late}",
                where=error.where,
                remedy="run the same command again later: it goes on from here",
            ) from error
        logger.info("pull: %s; trying again in %.0f s", error.what.splitlines()[0], delay)
        self._wait(delay)

    def rest(self, seconds: float, why: str) -> None:
        """Wait between two questions; raises PullError when the deadline would pass."""
        if seconds > self._left():
            raise PullError(
                f"the deadline of {self.patience.deadline:.0f} s passed: {why}",
                remedy="run the same command again: it goes on from here",
            )
        self._wait(seconds)

    def _left(self) -> float:
        return self._ends - time.monotonic()

    @contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        token = DEADLINE.set(time.monotonic() + max(0.0, seconds))
        try:
            yield
        finally:
            DEADLINE.reset(token)

    def _json(
        self,
        method: str,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
        signed: bool,
    ) -> tuple[bytes, requests.Response]:
        user = self.credentials.user if self.credentials else ""
        url, shown = self.base + path.replace("{user}", quote(user, safe="")), self.base + path
        data = None if body is None else json.dumps(body, sort_keys=True).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        with (
            self._limited(min(self.patience.answer, self._left())),
            self._sent(method, url, shown=shown, params=params, data=data, headers=headers, signed=signed) as answer,
        ):
            self._refuse(answer, shown, passing=(200, 201))
            read = bytearray()
            for block in self.blocks(answer, shown):
                read += block
                if len(read) > MAX_JSON_BYTES:
                    raise PullError("the answer is too large", where=shown, expected=f"at most {MAX_JSON_BYTES} bytes")
            return bytes(read), answer

    @contextmanager
    def _sent(
        self, method: str, url: str, *, shown: str = "", signed: bool = False, **what: Any
    ) -> Iterator[requests.Response]:
        auth = None
        if signed:
            if self.credentials is None:
                raise PullError("this question needs credentials", where=shown, remedy=f"set {USER} and {PASSWORD}")
            # In UTF-8 (RFC 7617, section 2.1): as str they would be sent in Latin-1, or not at all.
            auth = HTTPBasicAuth(self.credentials.user.encode(), self.credentials.password.encode())
        timeout = (self.patience.connect, self.patience.read)
        shown = shown or url[:300]
        try:
            answer = self._session.request(
                method, url, auth=auth, timeout=timeout, stream=True, allow_redirects=False, **what
            )
        except BlockedAddressError as error:
            raise PullError(f"the host is not a public one: {error}", where=shown) from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransientError(f"no answer: {self._clean(str(error))[:200]}", shown) from error
        with answer:
            yield answer

    def _refuse(self, answer: requests.Response, where: str, passing: tuple[int, ...]) -> None:
        status = answer.status_code
        if status in passing:
            return
        if status in _REFUSED:
            asked = retry_after(answer.headers.get("Retry-After"), answer.headers.get("Date"))
            raise TransientError(f"the host refused for now (status {status})", where, asked or 0.0, True)
        if status in _FAILED:
            raise TransientError(f"the host failed (status {status})", where)
        words = self._clean(next(answer.iter_content(600, decode_unicode=False), b"").decode("utf-8", "replace"))
        remedies = {
            400: "correct the question: the host says why it does not understand it",
            401: f"check {USER} (the user name, not the mail address) and {PASSWORD}",
            403: "the host does not allow this user to ask this",
            404: "check the key: the host does not know it",
            413: "ask for less at once",
        }
        raise PullError(
            f"the host answered with status {status}: {words or 'no words'}",
            where=where,
            remedy=remedies.get(status, "see whether the API's base address is right"),
        )

    def _clean(self, text: str) -> str:
        """Take credentials and control characters out of foreign text."""
        if self.credentials:
            for secret in (self.credentials.password, self.credentials.user):
                for form in (secret, quote(secret, safe="")):
                    text = text.replace(form, "***")
        return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def json_object(body: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object; raises PullError when the bytes are none, are cut, or are nested too deeply.

    >>> json_object(b'{"count": 3}', "x")
    {'count': 3}
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PullError(f"the answer is no JSON: {str(error)[:100]}", where=where) from error
    if not isinstance(value, dict):
        raise PullError(f"the answer is no JSON object but a {type(value).__name__}", where=where)
    return value
