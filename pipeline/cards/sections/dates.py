"""When? Months and years."""

from __future__ import annotations

from collections import Counter

from pipeline.cards.plots import Figure, columns, heat
from pipeline.cards.sections.section import Asked, Chart, Section, Table, count, percent
from pipeline.storage.statements import Statements

LAST_YEARS = 30
"""Years with a row of their own; earlier ones have one together."""
_SQL = Statements(__name__)
_MONTHLY = "SELECT left(event_date, 7) AS month, count(*) AS images FROM samples GROUP BY 1 ORDER BY 1"
_MONTHS = ("J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D")


def dates(asked: Asked) -> Section:
    """Return the section: images by month and year, and by month."""
    rows = asked.rows(_SQL("months"))
    images = sum(row[2] for row in rows)
    dated = [(year, month, many) for year, month, many in rows if year is not None]
    some = sum(row[2] for row in dated)
    years = sorted({year for year, _, _ in dated})
    question = "When?"
    facts = {
        "with_year": some,
        "images": images,
        "first_year": years[0] if years else None,
        "last_year": years[-1] if years else None,
        "months": [{"year": year, "month": month, "images": many} for year, month, many in dated],
    }
    if not some:
        return Section("dates", question, "No image has a date." if images else "No image was kept.", facts=facts)
    span = f"in {years[0]}" if len(years) == 1 else f"from {years[0]} to {years[-1]}"
    answer = f"{percent(some, images)} of {count(images, 'image')} have a year, {span}."
    table = Table.of(("year", "month", "images"), [(y, m or "not stated", n) for y, m, n in dated], _MONTHLY)
    monthly: Counter[int] = Counter()
    for _, month, many in dated:
        if month:
            monthly[month] += many
    parts = [Chart(_busiest(dated), _strip(dated, years), table)]
    if monthly:
        best = min(monthly, key=lambda month: (-monthly[month], month))
        bars = [(name, monthly[at]) for at, name in enumerate(_MONTHS, start=1)]
        says = f"{percent(monthly[best], monthly.total())} of the images with a month are of month {best}."
        numbers = Table.of(("month", "images"), [(at, monthly[at]) for at in range(1, 13)])
        parts.append(Chart(says, columns("months", "Images by month", bars, "month", "images"), numbers))
    return Section("dates", question, answer, tuple(parts), facts)


def _strip(dated: list[tuple[int, int | None, int]], years: list[int]) -> Figure:
    first = max(years[-1] - LAST_YEARS + 1, years[0])
    names = [f"before {first}"] if years[0] < first else []
    begin = len(names)
    names += [str(year) for year in range(first, years[-1] + 1)]
    cells: Counter[tuple[int, int]] = Counter()
    for year, month, many in dated:
        cells[begin + year - first if year >= first else 0, month or 0] += many
    return heat("calendar", "Images by year and month", ("?", *_MONTHS), names, cells, "images")


def _busiest(dated: list[tuple[int, int | None, int]]) -> str:
    by_year: Counter[int] = Counter()
    for year, _, many in dated:
        by_year[year] += many
    best = min(by_year, key=lambda year: (-by_year[year], year))
    return f"The year with the most images is {best}: {by_year[best]:,}."
