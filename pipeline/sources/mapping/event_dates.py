"""When a record was made, as columns: its year, month and time of day, from its date and what stands beside it.

Dates and intervals as published tables mostly write them are read all at once; others once per distinct text.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.sources.mapping.columns import Mask
from pipeline.sources.mapping.iso_dates import read_date, read_time

_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
_DATE = rf"[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}([T ]{_CLOCK})?)?)?"
_PLAIN, _PAIR = rf"^{_DATE}$", rf"^{_DATE}/{_DATE}$"
_WHOLE = r"^\s*[0-9]{1,4}(\.0)?\s*$"
_MIDNIGHT = ("00:00:00", "00:00", "00")


def event_columns(
    date: pa.Array,
    *,
    year: pa.Array | None = None,
    month: pa.Array | None = None,
    time: pa.Array | None = None,
    midnight: bool = True,
) -> tuple[dict[str, pa.Array], dict[str, Mask]]:
    """Return event_date, event_year, event_month and event_time, and the issues DATE_BAD and TIME_BAD.

    `year`, `month`, `time`: what the release states in columns of their own, taken where the date does not say it; an
    interval over several years or months is not made narrower by them. `midnight`: whether a date's time of 00:00:00 is
    one; tables that write every date with a time write that for none.
    """
    rows = len(date)
    nothing = pa.nulls(rows, pa.int32()), pa.nulls(rows, pa.int32()), pa.nulls(rows, pa.string())
    masks: dict[str, Mask] = {}
    bad = closed = np.zeros(rows, dtype=bool)
    if date.null_count == rows:
        years, months, times = nothing
    else:
        distinct = date.dictionary_encode()
        found = _read(distinct.dictionary)
        if not midnight and found[2].null_count < len(found[2]):
            told = pc.if_else(pc.is_in(found[2], value_set=pa.array(_MIDNIGHT)), None, found[2])
            found = (*found[:2], told, *found[3:])
        years, months, times, bads, bad_times, intervals = (each.take(distinct.indices) for each in found)
        bad, closed = (np.asarray(pc.fill_null(each, False)) for each in (bads, intervals))
        masks = {"DATE_BAD": bad, "TIME_BAD": np.asarray(pc.fill_null(bad_times, False))}
    if year is not None and year.null_count < rows and (years.null_count or months.null_count):
        open_ = pa.array(~closed)
        own = _whole(year, 9999)
        # A month without its year says nothing, and one of another year is not this date's.
        same = pc.fill_null(pc.or_kleene(pc.is_null(years), pc.equal(years, own)), False)
        years = pc.if_else(open_, pc.coalesce(years, own), years)
        if month is not None and month.null_count < rows:
            months = pc.if_else(pc.and_(open_, same), pc.coalesce(months, _whole(month, 12)), months)
            months = pc.if_else(pc.is_valid(years), months, None)
    if time is not None and time.null_count < rows:
        distinct = time.dictionary_encode()
        read = [read_time(text) for text in distinct.dictionary.to_pylist()]
        stated = pa.array(read, pa.string()).take(distinct.indices)
        unread = np.asarray(pc.and_(pc.is_valid(time), pc.is_null(stated)))
        masks["TIME_BAD"] = masks.get("TIME_BAD", np.zeros(rows, dtype=bool)) | unread
        times = pc.coalesce(stated, times)
    return {"event_date": date, "event_year": years, "event_month": months, "event_time": times}, masks


def _whole(values: pa.Array, highest: int) -> pa.Array:
    """Read whole numbers from 1 to `highest`; what is none is null."""
    distinct = values.dictionary_encode()
    plain = pc.if_else(pc.match_substring_regex(distinct.dictionary, _WHOLE), distinct.dictionary, None)
    numbers = pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"\.0\s*$", "")).cast(pa.int32())
    sane = pc.and_(pc.greater_equal(numbers, 1), pc.less_equal(numbers, highest))
    return pc.if_else(sane, numbers, None).take(distinct.indices)


def _read(texts: pa.Array) -> tuple[pa.Array, ...]:
    """Return year, month, time, and whether the text is no date, has a bad time, or is an interval."""
    plain = np.asarray(pc.match_substring_regex(texts, _PLAIN))
    if plain.all():
        return _read_plain(texts)
    pairs = ~plain & np.asarray(pc.match_substring_regex(texts, _PAIR))
    others = ~plain & ~pairs
    parts, places = [], []
    for mask, reader in ((plain, _read_plain), (pairs, _read_pairs), (others, _read_each)):
        if mask.any():
            parts.append(reader(texts.filter(pa.array(mask))))
            places.append(np.flatnonzero(mask))
    back = pa.array(np.argsort(np.concatenate(places), kind="stable"))
    return tuple(pa.concat_arrays(columns).take(back) for columns in zip(*parts, strict=True))


def _read_each(texts: pa.Array) -> tuple[pa.Array, ...]:
    """Read texts one after another, whatever they are."""
    spans = [read_date(text) for text in texts.to_pylist()]
    return (
        pa.array([span.year if span else None for span in spans], pa.int32()),
        pa.array([span.month if span else None for span in spans], pa.int32()),
        pa.array([span.time if span else None for span in spans], pa.string()),
        pa.array([span is None for span in spans], pa.bool_()),
        pa.array([span is not None and span.time_bad for span in spans], pa.bool_()),
        pa.array([span is not None and span.interval for span in spans], pa.bool_()),
    )


def _read_pairs(texts: pa.Array) -> tuple[pa.Array, ...]:
    """Read intervals both of whose ends are written in full, all at once."""
    halves = pc.split_pattern(texts, "/")
    begin, end = pc.list_element(halves, 0), pc.list_element(halves, 1)
    (year, month, time, none, bad, _), last = _read_plain(begin), _read_plain(end)
    none = pc.or_(none, last[3])
    same = pc.and_(pc.invert(none), pc.fill_null(pc.equal(year, last[0]), False))
    both = pc.and_(same, pc.fill_null(pc.equal(month, last[1]), False))
    once = pc.and_(pc.invert(none), pc.equal(begin, end))
    return (
        pc.if_else(same, year, None),
        pc.if_else(both, month, None),
        pc.if_else(once, time, None),
        none,
        pc.and_(pc.or_(bad, last[4]), pc.invert(none)),
        pc.invert(none),
    )


def _read_plain(texts: pa.Array) -> tuple[pa.Array, ...]:
    """Read texts that `_PLAIN` matches, all at once: every digit has its place."""
    cells, lengths = _cells(texts, 19)

    def number(first: int, digits: int = 2) -> NDArray[np.int32]:
        value = np.zeros(len(texts), dtype=np.int32)
        for place in range(first, first + digits):
            value = value * 10 + (cells[:, place].astype(np.int32) - ord("0"))
        return value

    year = number(0, 4)
    month, day = np.where(lengths >= 7, number(5), 1), np.where(lengths >= 10, number(8), 1)
    there = (year > 0) & _there(year, month, day)
    timed = lengths > 10
    times = pa.nulls(len(texts), pa.string())
    bad = np.zeros(len(texts), dtype=bool)
    if timed.any():
        exact = timed & (cells[:, 16] == ord(":"))
        clock = (number(11) < 24) & (number(14) < 60) & (~exact | (number(17) < 60))
        bad = there & timed & ~clock
        cut = pc.utf8_slice_codeunits(texts, 11, 19)
        if not exact.all():
            cut = pc.if_else(pa.array(exact), cut, pc.utf8_slice_codeunits(texts, 11, 16))
        times = pc.if_else(pa.array(there & timed & clock), cut, None)
    return (
        pa.array(year, mask=~there),
        pa.array(month.astype(np.int32), mask=~(there & (lengths >= 7))),
        times,
        pa.array(~there),
        pa.array(bad),
        pa.array(np.zeros(len(texts), dtype=bool)),
    )


def _cells(texts: pa.Array, width: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the first bytes of texts without nulls, zeros behind what is shorter; and the length of each in bytes."""
    buffers = texts.buffers()
    ends = np.frombuffer(buffers[1], dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = np.frombuffer(buffers[2] or b"", dtype=np.uint8)
    lengths = ends[1:] - ends[:-1]
    places = ends[:-1, None] + np.arange(width)
    inside = np.arange(width) < lengths[:, None]
    return np.where(inside, np.append(data, np.uint8(0))[np.minimum(places, len(data))], np.uint8(0)), lengths


def _there(year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]) -> Mask:
    """Return which dates exist in the calendar."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    sane = (month >= 1) & (month <= 12)
    most = lengths[np.where(sane, month, 0)] + (leap & (month == 2))
    there: Mask = sane & (day >= 1) & (day <= most)
    return there
