"""What came of asking for one medium: its bytes, or the outcome that says why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer of a host or of a local store for one medium.

    >>> Fetched(outcome=None, data=b"abc").ok, Fetched(outcome=Outcome.GONE, status=404).ok
    (True, False)
    """

    outcome: Outcome | None
    """Why there are no bytes; None: `data` is complete."""
    data: bytes = b""
    """The body, transfer and content encodings removed; empty unless `outcome` is None."""
    status: int = 0
    """Last HTTP status; 0 for local stores and when no host answered."""
    final_url: str = ""
    """The URL that gave the answer, after redirects; in a store the file or member that was read."""
    content_type: str = ""
    """Content-Type as the host stated it: kept as evidence, never believed."""
    attempts: int = 0
    """Requests for the medium; redirects, and answers of 429 and 503, not counted."""
    detail: str = ""
    """What exactly happened, in words, for the ledger's evidence."""
    length: int = -1
    """Bytes that the answer to a HEAD request announced; -1: none were, or the medium itself was asked for."""

    @property
    def ok(self) -> bool:
        """Whether the bytes arrived."""
        return self.outcome is None
