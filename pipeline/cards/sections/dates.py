"""When? Months and years."""

from __future__ import annotations

from collections import Counter

from pipeline.cards.plots import Figure, columns, heat
from pipeline.cards.sections.section import Asked, Chart, Section, Table, agree, count, percent
from pipeline.storage.statements import Statements

YEARS = 30
"""Years with a row of their own, those of the most images; earlier ones have one together, and so have later ones."""
_SQL = Statements(__name__)
_MONTHLY = "SELECT left(event_date, 7) AS month, count(*) AS images FROM samples GROUP BY 1 ORDER BY 1"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


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
    answer = f"{percent(some, images)} of {count(images, 'image')} {agree(images, 'has', 'have')} a year, {span}."
    table = Table.of(("year", "month", "images"), [(y, m or "not stated", n) for y, m, n in dated], _MONTHLY)
    monthly: Counter[int] = Counter()
    for _, month, many in dated:
        if month:
            monthly[month] += many
    parts = [Chart(_busiest(dated), _strip(dated, years), table)]
    if monthly:
        best = min(monthly, key=lambda month: (-monthly[month], month))
        bars = [(name[0], monthly[at]) for at, name in enumerate(_MONTHS, start=1)]
        says = f"{percent(monthly[best], monthly.total())} of the images with a month are of {_MONTHS[best - 1]}."
        numbers = Table.of(("month", "images"), [(name, monthly[at]) for at, name in enumerate(_MONTHS, start=1)])
        parts.append(Chart(says, columns("months", "Images by month", bars, "month", "images"), numbers))
    return Section("dates", question, answer, tuple(parts), facts)


def _strip(dated: list[tuple[int, int | None, int]], years: list[int]) -> Figure:
    first, last = _most_years(dated, years)
    names = [f"before {first}"] if years[0] < first else []
    begin = len(names)
    names += [str(year) for year in range(first, last + 1)]
    names += [f"after {last}"] if years[-1] > last else []
    # Images of a year alone have a column, if there are any.
    unknown = any(month is None for _, month, _ in dated)
    columns = [*(["?"] if unknown else []), *(name[0] for name in _MONTHS)]
    cells: Counter[tuple[int, int]] = Counter()
    for year, month, many in dated:
        cells[min(max(begin + year - first, 0), len(names) - 1), (month or 0) - (not unknown)] += many
    return heat("calendar", "Images by year and month", columns, names, cells, "images")


def _most_years(dated: list[tuple[int, int | None, int]], years: list[int]) -> tuple[int, int]:
    """Return the first and last of the years in a row that have the most images: a wrong date may be of any year."""
    by_year: Counter[int] = Counter()
    for year, _, many in dated:
        by_year[year] += many
    spans = [(sum(by_year[year] for year in range(last - YEARS + 1, last + 1)), last) for last in years]
    last = max(spans)[1]
    return max(last - YEARS + 1, years[0]), last


def _busiest(dated: list[tuple[int, int | None, int]]) -> str:
    by_year: Counter[int] = Counter()
    for year, _, many in dated:
        by_year[year] += many
    best = min(by_year, key=lambda year: (-by_year[year], year))
    return f"The year with the most images is {best}: {by_year[best]:,}."
