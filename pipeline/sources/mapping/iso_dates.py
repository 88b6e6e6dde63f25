"""Dates, times and intervals as ISO 8601 writes them, read from one text at a time.

What is read: a year, a month or a day (2004, 2004-03, 2004-03-01, 20040301, 2004-061), each perhaps with a time of day,
and an interval of two of them, whose end may leave out what it shares with the start (2004-03-01/04). A date has to
exist; the zero before a month or day may be left out. A time of day that cannot be one leaves the date as it is.
Source: ISO 8601:2019; dwc:eventDate of Darwin Core.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

LONGEST = 200
"""Characters of a text that may be a date; a longer one is none."""
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?|(?P<compact>[0-9]{4})|-(?P<ordinal>[0-9]{3}))?"
    r"(?:(?:[Tt]|\s+)(?P<time>[^/]*))?"
)
_LATER = re.compile(
    r"(?:(?:(?P<month>[0-9]{2})-)?(?P<last>[0-9]{2})(?:[Tt](?P<time>[^/]*))?|(?P<clock>[0-9]{2}:[^/]*))"
)
_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2})(?::?(?P<minute>[0-9]{2})|:(?P<short>[0-9]))?(?::?(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"\s*(?:[Zz]|UTC|GMT|[+\-−][0-9]{2}(?::?[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True)
class Span:
    """What a text says of when something was: the years that it begins and ends in, and what is known within them."""

    first_year: int
    last_year: int
    month: int | None = None
    """The month, where it began and ended in one of one year."""
    time: str | None = None
    """The time of day as HH:MM:SS, HH:MM or HH, where there is one; what offset it has is left out."""
    time_bad: bool = False
    """A time of day is stated that there is not."""
    interval: bool = False

    @property
    def year(self) -> int | None:
        """The year, where it began and ended in one."""
        return self.first_year if self.first_year == self.last_year else None


def read_time(text: str) -> str | None:
    """Return a time of day as far as it is known, or None for what is none; its offset and fractions are left out.

    >>> read_time("14:07:30.5+02:00"), read_time("1407"), read_time("9h"), read_time("24:10")
    ('14:07:30', '14:07', None, None)
    """
    found = _TIME.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None:
        return None
    parts = [found["hour"], found["minute"] or found["short"], found["second"]]
    parts = [part.zfill(2) for part in parts if part is not None]
    limits = (24, 60, 60)
    return ":".join(parts) if all(int(part) < limit for part, limit in zip(parts, limits, strict=False)) else None


def read_date(text: str) -> Span | None:
    """Return when a text says that something was; None where it is neither a date nor an interval of ISO 8601.

    >>> read_date("2004-03-01T10:00Z/2004-03-02").month, read_date("2004/2005").year, read_date("12/05/1995")
    (3, None, None)
    >>> read_date("2004-12-30/31").month, read_date("2004-02-30"), read_date("20040301").month
    (12, None, 3)
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    begin, slash, end = text.partition("/")
    first = _moment(begin.strip())
    if first is None or not slash:
        return first
    shown, last = end.strip(), _moment(end.strip())
    if last is None:
        last = _moment(_completed(begin.strip(), shown))
    if last is None:
        return None
    years = sorted((first.first_year, last.first_year))
    month = first.month if years[0] == years[1] and first.month == last.month else None
    time = first.time if begin.strip() == shown else None
    return Span(years[0], years[1], month, time, first.time_bad or last.time_bad, interval=True)


def _moment(text: str) -> Span | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year = int(found["year"])
    month, day = found["month"], found["day"]
    if found["time"] is not None and not (day or found["compact"] or found["ordinal"]):
        return None
    if found["compact"]:
        month, day = found["compact"][:2], found["compact"][2:]
    try:
        if found["ordinal"]:
            place = date(year, 1, 1) + timedelta(days=int(found["ordinal"]) - 1)
            if place.year != year or found["ordinal"] == "000":
                return None
            month = str(place.month)
        else:
            date(year, int(month or 1), int(day or 1))
    except (ValueError, OverflowError):
        return None
    stated = (found["time"] or "").strip()
    time = read_time(stated) if stated else None
    return Span(year, year, int(month) if month else None, time, bool(stated) and time is None)


def _completed(begin: str, end: str) -> str:
    """Return the end of an interval with what it leaves out of its start put before it; '' where that cannot be."""
    found, start = _LATER.fullmatch(end), _DATE.fullmatch(begin)
    if found is None or start is None or start["compact"] or start["ordinal"]:
        return ""
    year, month, day = start["year"], start["month"], start["day"]
    if found["clock"]:
        return f"{year}-{month}-{day}T{found['clock']}" if day else ""
    time = f"T{found['time']}" if found["time"] is not None else ""
    if day:
        return f"{year}-{found['month'] or month}-{found['last']}{time}"
    return f"{year}-{found['last']}{time}" if month and not found["month"] else ""
