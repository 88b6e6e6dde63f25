"""What a host's robots.txt answer means: rules, leave to fetch, or no leave (RFC 9309 section 2.3.1).

Rules are kept for a day in files of the run, so that the tasks of a run and its resumptions ask each host once.
"""

from __future__ import annotations

import hashlib
import json
import time

from pipeline.media.http.robots import MAX_BYTES, Robots, parse_robots
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.storage.files.atomic import write_json
from pipeline.storage.places import Place, modified

_DAY = 86_400.0
# A private address is judged, and refused, when the medium itself is asked for.
_NOT_TO_BE_HAD = frozenset(
    {Outcome.EMPTY, Outcome.TOO_MANY_REDIRECTS, Outcome.HOST_NOT_ALLOWED, Outcome.BAD_URL, Outcome.BLOCKED_ADDRESS}
)
_WAITS = frozenset({Outcome.THROTTLED, Outcome.TIMEOUT, Outcome.CONNECT_FAILED, Outcome.DNS_FAILED})


def permission(answer: Fetched) -> Robots | Fetched:
    """Return the rules, or the answer that every URL of the origin gets because nobody may ask.

    A robots.txt that does not exist (4xx) or cannot be got to (redirects that lead nowhere) allows everything; one
    whose host fails (5xx, no connection, no answer, or one that cannot be read) forbids everything until the host is
    well again.

    >>> permission(Fetched(Outcome.GONE, status=404))
    Robots(rules=(), delay=0.0)
    >>> permission(Fetched(Outcome.HTTP_ERROR, status=500, detail="status 500")).detail
    'not asked: robots.txt could not be read: status 500'
    """
    if answer.ok:
        return parse_robots(answer.data[:MAX_BYTES].decode("utf-8", "replace"))
    outcome = answer.outcome or Outcome.HTTP_ERROR
    if outcome in _NOT_TO_BE_HAD or (300 <= answer.status < 500 and outcome not in _WAITS | {Outcome.SHORT_BODY}):
        return Robots()
    if outcome in (Outcome.SHORT_BODY, Outcome.CORRUPT, Outcome.TOO_LARGE):
        outcome = Outcome.HTTP_ERROR
    return Fetched(outcome, status=answer.status, detail=f"not asked: robots.txt could not be read: {answer.detail}")


class RobotsCache:
    """Rules by origin, in memory and, where a folder is given, in files for a day."""

    def __init__(self, folder: Place | None) -> None:
        self._folder = folder
        self._known: dict[str, Robots | Fetched] = {}

    def get(self, origin: str) -> Robots | Fetched | None:
        """Return what is known of an origin; None when its robots.txt has to be asked for."""
        if origin not in self._known and self._folder is not None:
            path = self._path(self._folder, origin)
            # The age of the file is wall time: it decides whether a host is asked again, never what is written.
            if path.is_file() and 0 <= time.time() - modified(path) < _DAY:
                kept = json.loads(path.read_text(encoding="utf-8"))
                self._known[origin] = Robots(tuple((bool(a), str(p)) for a, p in kept["rules"]), float(kept["delay"]))
        return self._known.get(origin)

    def put(self, origin: str, answer: Robots | Fetched) -> None:
        """Remember an origin's rules; that it gives none now is remembered in memory only."""
        self._known[origin] = answer
        if self._folder is not None and isinstance(answer, Robots):
            kept = {"origin": origin, "rules": answer.rules, "delay": answer.delay}
            write_json(self._path(self._folder, origin), kept)

    @staticmethod
    def _path(folder: Place, origin: str) -> Place:
        return folder / f"{hashlib.blake2b(origin.encode(), digest_size=12).hexdigest()}.json"
