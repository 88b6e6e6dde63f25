"""Who may use it, and how? Licences by source, and what they let people do."""

from __future__ import annotations

from collections import Counter

from pipeline.cards.plots import bar, bars, heat, shortened
from pipeline.cards.sections.section import NAMED, Asked, Chart, Section, Table, agree, count, folded, percent

LICENCES, SOURCES = 40, 12
"""Rows and columns; sources of fewer images have one together."""
_LICENCES = "SELECT license_id, source, images FROM licences ORDER BY license_id, source"
_ALLOWED = """SELECT coalesce(may_share, false), coalesce(may_change, false), coalesce(may_sell, false), count(*)
FROM shown GROUP BY ALL ORDER BY 4 DESC, 1 DESC, 2 DESC, 3 DESC"""


def rights(asked: Asked) -> Section:
    """Return the section: what may be done with how many images, and licences by source."""
    allowed, licences = asked.rows(_ALLOWED), asked.rows(_LICENCES)
    images = sum(row[3] for row in allowed)
    question = "Who may use it, and how?"
    facts = {
        "allowed": [{"share": a, "change": b, "sell": c, "images": many} for a, b, c, many in allowed],
        "licences": [{"license_id": name, "source": source, "images": many} for name, source, many in licences],
    }
    if not images:
        return Section("rights", question, "No image was kept.", facts=facts)
    shared = sum(row[3] for row in allowed if row[0])
    sold = sum(row[3] for row in allowed if row[0] and row[1] and row[2])
    answer = (
        f"{percent(shared, images)} of the images may be passed on as resized copies, "
        f"{percent(sold, images)} may also be changed and sold."
    )
    named = [(_words(*row[:3]), row[3]) for row in allowed]
    parts = [
        Chart(
            f"The largest part may be {named[0][0]}: {percent(named[0][1], images)}.",
            bars("allowed", "Images by what their licences allow", [bar(*each) for each in named], "images"),
            Table.of(("may be", "images"), named),
        ),
        _matrix(licences, images),
    ]
    return Section("rights", question, answer, tuple(parts), facts)


def _words(share: bool, change: bool, sell: bool) -> str:
    """Return what may be done.

    >>> _words(True, True, False), _words(False, False, False)
    ('passed on, changed', 'used here only')
    """
    may = [word for word, allowed in (("passed on", share), ("changed", change), ("sold", sell)) if allowed]
    return ", ".join(may) or "used here only"


def _matrix(licences: list[tuple[str, str, int]], images: int) -> Chart:
    totals: dict[str, int] = {}
    for name, _, many in licences:
        totals[name] = totals.get(name, 0) + many
    names = sorted(totals, key=lambda each: (-totals[each], each))[:LICENCES]
    places = {name: at for at, name in enumerate(names)}
    by_source: Counter[str] = Counter()
    for _, source, many in licences:
        by_source[source] += many
    under = folded(by_source, SOURCES)
    sources = sorted(set(under.values()), key=lambda source: (source not in by_source, source))
    cells: Counter[tuple[int, int]] = Counter()
    for name, source, many in licences:
        if name in places:
            cells[places[name], sources.index(under[source])] += many
    more = (
        f" {count(len(totals) - len(names), 'rarer licence')} {agree(len(totals) - len(names), 'is', 'are')} not drawn."
    )
    return Chart(
        f"The commonest licence is {shortened(names[0], NAMED)}: {percent(totals[names[0]], images)} of the images.",
        heat("licences", "Images by licence and source", sources, names, cells, "images", numbers=True),
        Table.of(("licence", "source", "images"), licences, "FROM licences"),
        note=f"Down: licences. Across: sources.{more if len(totals) > len(names) else ''}",
    )
