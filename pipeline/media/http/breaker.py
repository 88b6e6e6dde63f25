"""When to stop asking a host: refusals, absences and failures in a row, told apart.

A host that refuses everything is *blocked*, one that cannot be reached or has nothing is *dead*; one that asks for
patience is *throttled*, which `pipeline.media.http.hosts` sees to. Only answers in a row count: one other answer
between them shows that the host is alive and means single media. Of a host that gave media before, so many must fail in
a row as chance would not bring about at the share that failed until then. The verdict is asked for after a slot is
taken, so that it knows of every answer that came while a request waited for its turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.outcomes import Outcome

_CERTAIN = 3  # a name without address, or a certificate that is not accepted, is the same for every URL of the host
_MANY = 10  # 404 and 500 are said of one medium, so it takes many to mean the host
SUSPECT_AFTER = 3
"""Requests in a row without any answer, after which a host gets few connections and pauses between requests."""
_LONGEST_PAUSE = 5.0
_CHANCE = 1e-6  # below it a row of failures says something new of a host that gave media before
_MOST = 10  # times as many in a row, for every medium that the host gave, end it however likely they are
_SURE = frozenset({Outcome.DNS_FAILED, Outcome.TLS_FAILED})

_UNREACHABLE = frozenset({Outcome.TIMEOUT, Outcome.CONNECT_FAILED, Outcome.DNS_FAILED, Outcome.TLS_FAILED})
_KINDS = {
    Outcome.BLOCKED: "refusals",
    Outcome.GONE: "answers of 404 or 410",
    Outcome.HTTP_ERROR: "errors",
    Outcome.TIMEOUT: "requests without an answer",
    Outcome.CONNECT_FAILED: "requests without an answer",
    Outcome.DNS_FAILED: "look-ups without an address",
    Outcome.TLS_FAILED: "failed TLS handshakes",
}


@dataclass(slots=True)
class Breaker:
    """The last answers of one origin (scheme, host and port), as far as they are of one kind.

    >>> breaker = Breaker(give_up_after=2)
    >>> for _ in range(2):
    ...     breaker.note(Outcome.BLOCKED, "status 403")
    >>> breaker.verdict()
    (<Outcome.BLOCKED: ...>, 'not asked: 2 refusals in a row, the last: status 403')
    >>> breaker.note(None); breaker.verdict() is None
    True
    >>> for outcome in (None, Outcome.BLOCKED, Outcome.BLOCKED) * 20 + (Outcome.BLOCKED,) * 20:
    ...     breaker.note(outcome, "status 403")
    >>> breaker.verdict() is None
    True
    """

    give_up_after: int
    kind: str = ""
    streak: int = 0
    last: Outcome | None = None
    detail: str = ""
    answered: bool = False
    """Whether any HTTP answer has ever come."""
    asked: int = 0
    good: int = 0
    """Requests that ended with bytes."""
    chance: float = 1.0
    """Of a row like the present one, at the share that ended so before it began."""
    ended: dict[str, int] = field(default_factory=dict)
    """Requests by the kind of their failure."""

    def note(self, outcome: Outcome | None, detail: str = "") -> None:
        """Note how one request ended (None: with bytes)."""
        kind = _KINDS.get(outcome, "") if outcome else ""
        # Laplace's rule of succession, request after request: what a few answers tell of the share counts for little.
        share = (self.ended.get(kind, 0) + 1) / (self.asked + 2)
        self.chance = self.chance * share if kind == self.kind else share
        self.asked += 1
        self.good += outcome is None
        self.ended[kind] = self.ended.get(kind, 0) + 1
        self.streak = self.streak + 1 if kind and kind == self.kind else 1 if kind else 0
        self.kind, self.last, self.detail = kind, outcome, detail
        self.answered = self.answered or outcome not in _UNREACHABLE

    @property
    def suspect(self) -> bool:
        """Whether the host may be out of reach: it then must not hold many connections."""
        return not self.answered or (self.last in _UNREACHABLE and self.streak >= SUSPECT_AFTER)

    @property
    def pause(self) -> float:
        """Seconds to leave a host alone that did not answer several times in a row."""
        if self.last not in _UNREACHABLE or self.streak < SUSPECT_AFTER:
            return 0.0
        return float(min(_LONGEST_PAUSE, 0.5 * 2 ** min(self.streak - SUSPECT_AFTER, 10)))

    def verdict(self) -> tuple[Outcome, str] | None:
        """Return the outcome of all that is still to be asked, and why; None while the host is worth asking."""
        least = self._limit(self.last) if self.last else 0
        if self.last is None or self.streak < least:
            return None
        if self.good and self.last not in _SURE and self.chance > _CHANCE and self.streak < _MOST * least * self.good:
            return None
        # 404 is said of one medium: of others it may only be said that nobody asked.
        outcome = Outcome.HOST_DEAD if self.last is Outcome.GONE else self.last
        return outcome, f"not asked: {self.streak} {self.kind} in a row, the last: {self.detail}"[:500]

    def _limit(self, outcome: Outcome) -> int:
        if outcome in _SURE:
            return min(_CERTAIN, self.give_up_after)
        return self.give_up_after * (_MANY if outcome in (Outcome.GONE, Outcome.HTTP_ERROR) else 1)
