"""Dates and what stands beside them: as columns they say what one text after another says."""

from __future__ import annotations

from datetime import date, datetime, time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.mapping.iso_dates import read_date, read_time

days = st.dates(min_value=date(1, 1, 1))
clocks = st.times()
STAMPS = st.sampled_from(
    [
        "2004",
        "2004-03",
        "2004-03-01",
        "2004-03-01T10:00Z",
        "2004-03-02T25:00",
        "2004-02-30",
        "2005-03-01T10:00:30",
        "04",
    ]
)
drawn = st.one_of(
    st.from_regex(
        r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?",
        fullmatch=True,
    ),
    st.builds("{}/{}".format, days, days),
    st.builds("{}/{}".format, STAMPS, STAMPS),
    st.builds("{0}/{0}".format, STAMPS),
    st.builds(
        "{:04}-{:02}-{:02}T{:02}:{:02}".format, st.integers(1990, 2010), *[st.integers(0, n) for n in (13, 32, 25, 61)]
    ),
    st.text(max_size=30),
    st.sampled_from(
        ["", "\x00", "9" * 100_000, "２０２０-01-01", "2020-01-01\n", "/", "0000-01-01", "2020-02-30", "٢٠٢٠"]
    ),
)


def one(text: str | None, **beside: str | bool | None) -> tuple[int | None, int | None, str | None, list[str]]:
    arrays = {key: pa.array([value], pa.string()) if key != "midnight" else value for key, value in beside.items()}
    columns, masks = event_columns(pa.array([text], pa.string()), **arrays)  # type: ignore[arg-type]
    cells = [columns[f"event_{part}"][0].as_py() for part in ("year", "month", "time")]
    return cells[0], cells[1], cells[2], [code for code, mask in masks.items() if mask[0]]


@given(days, clocks, st.sampled_from(["", "Z", "+02:00", "-0330"]))
def test_dates_and_times_round_trip(day: date, clock: time, zone: str) -> None:
    found = read_date(day.isoformat())
    assert found is not None and (found.year, found.month, found.time) == (day.year, day.month, None)
    stamp = datetime.combine(day, clock).isoformat() + zone
    moment = read_date(stamp)
    assert moment is not None and moment.time == clock.isoformat("seconds") == read_time(clock.isoformat())
    assert one(stamp) == (day.year, day.month, moment.time, [])
    assert read_date(day.strftime("%Y%m%d").zfill(8)) == found


@given(days, days)
def test_an_interval_has_the_year_and_the_month_that_it_lies_in(one_day: date, other: date) -> None:
    found = read_date(f"{one_day}/{other}")
    assert found is not None
    assert (found.first_year, found.last_year) == tuple(sorted((one_day.year, other.year)))
    assert found.year == (one_day.year if one_day.year == other.year else None)
    assert found.month == (one_day.month if (one_day.year, one_day.month) == (other.year, other.month) else None)


@given(st.lists(drawn, min_size=1, max_size=20))
def test_columns_say_what_one_text_after_another_says(texts: list[str]) -> None:
    columns, masks = event_columns(pa.array(texts, pa.string()))
    for row, text in enumerate(texts):
        span = read_date(text)
        expected = (span.year, span.month, span.time) if span else (None, None, None)
        assert tuple(columns[f"event_{part}"][row].as_py() for part in ("year", "month", "time")) == expected
        assert (bool(masks["DATE_BAD"][row]), bool(masks["TIME_BAD"][row])) == (
            span is None,
            bool(span and span.time_bad),
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2004/2005", (None, None, None)),
        ("2004-03-01/04", (2004, 3, None)),
        ("2004-03-01T10:00Z/2004-03-02", (2004, 3, None)),
        ("2004-03/04", (2004, None, None)),
        ("2004-12-31/01-02", (2004, None, None)),
        ("2004-03-01T10:00/12:00", (2004, 3, None)),
        ("2004-03-01T10:00/2004-03-01T10:00", (2004, 3, "10:00")),
        ("2004-061", (2004, 3, None)),
        ("20040301", (2004, 3, None)),
        ("1961-7-6", (1961, 7, None)),
        ("1964-7", (1964, 7, None)),
        ("2012-05-01 1:2", (2012, 5, "01:02")),
        ("2020-02-29T24:00", (2020, 2, None)),
    ],
)
def test_forms_of_dates(text: str, expected: tuple[int | None, int | None, str | None]) -> None:
    assert one(text)[:3] == expected


@pytest.mark.parametrize(
    "text", ["2004-03-01/", "2004-02-30", "200512", "19905", "05", "12/05/1995", "2004 summer", "../2004"]
)
def test_what_is_no_date_has_no_year_and_an_issue(text: str) -> None:
    assert read_date(text) is None
    assert one(text) == (None, None, None, ["DATE_BAD"])
    assert one(text, year="1999", month="7") == (1999, 7, None, ["DATE_BAD"])


def test_columns_beside_a_date_say_what_it_does_not_and_never_narrow_it() -> None:
    assert one(None, year="1999", month="7", time="14:07-06:00") == (1999, 7, "14:07", [])
    assert one("2004", year="2004", month="7") == (2004, 7, None, [])
    assert one("2004", year="2003", month="7") == (2004, None, None, [])
    assert one("2004/2005", year="2004", month="7") == (None, None, None, [])
    assert one("2004-03-01/2004-05-01", year="2004", month="3") == (2004, None, None, [])
    assert one(None, year="20004", month="13") == (None, None, None, [])
    assert one(None, month="7", year=None) == (None, None, None, [])
    assert one("2004-03-01", time="noonish") == (2004, 3, None, ["TIME_BAD"])


def test_midnight_is_no_time_where_every_date_is_written_with_it() -> None:
    assert one("2015-06-01T00:00:00", midnight=False)[2] is None
    assert one("2015-06-01T00:00:00")[2] == "00:00:00"
    assert one("2015-06-01T00:00:00", midnight=False, time="00:00")[2] == "00:00"
