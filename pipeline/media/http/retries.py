"""When to ask again: Retry-After as hosts write it, and back-off whose jitter is a function of the URL."""

from __future__ import annotations

import hashlib
import re
import time
from email.utils import parsedate_to_datetime

FIRST_WAIT = 0.5
"""Seconds of back-off after the first attempt, before jitter; doubled with each further one."""


def backoff(url: str, attempt: int, longest: float) -> float:
    """Return the seconds to wait after an attempt (from 1): exponential, half to whole of it, the same in every run.

    Jitter keeps URLs that failed together from returning together; a hash of URL and attempt spreads them as well as
    a random number would, and repeats.

    >>> 0.5 <= backoff("https://example.org/a.jpg", 2, longest=60) <= 1.0
    True
    >>> backoff("https://example.org/a.jpg", 30, longest=2.0) <= 2.0
    True
    """
    digest = hashlib.blake2b(f"{attempt}\x1f{url}".encode(), digest_size=8).digest()
    jitter = int.from_bytes(digest, "big") / 2**64
    return min(longest, float(FIRST_WAIT * 2 ** min(attempt - 1, 30))) * (0.5 + jitter / 2)


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for; None when it is absent or says nothing readable.

    Both forms of RFC 9110 section 10.2.3 are read, seconds and an HTTP date. A date is compared with the answer's own
    Date header where there is one, so that a clock that runs wrong on either side does no harm.

    >>> retry_after("120"), retry_after("soon"), retry_after("9" * 40)
    (120.0, None, inf)
    >>> retry_after("Wed, 21 Oct 2015 07:28:10 GMT", "Wed, 21 Oct 2015 07:28:00 GMT")
    10.0
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+", text):
        return float(text) if len(text) <= 10 else float("inf")
    until = _timestamp(text)
    if until is None:
        return None
    now = _timestamp(date.strip()) if date else None
    return max(0.0, until - (time.time() if now is None else now))


def _timestamp(text: str) -> float | None:
    if len(text) > 64:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
