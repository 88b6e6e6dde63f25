"""Where on Earth? Squares of equal area; exact places cannot be read off them."""

from __future__ import annotations

from pipeline.cards.plots import Bar, shares, shortened, world_map
from pipeline.cards.sections.section import NAMED, Asked, Chart, Section, Table, agree, count, folded, listed, percent
from pipeline.storage.statements import Statements

SOURCES = 25
"""Bars of sources; those of fewer images have one together."""
_SQL = Statements(__name__)
_COUNTRIES = "SELECT country_code, count(*) AS images FROM samples GROUP BY 1 ORDER BY images DESC"


def places(asked: Asked) -> Section:
    """Return the section: a map, and the share of each source's images that has coordinates."""
    cells = asked.rows(_SQL("cells"))
    sources = asked.rows(_SQL("sources"))
    countries = asked.rows(_SQL("countries"))
    placed, images = sum(row[1] for row in sources), sum(row[2] for row in sources)
    question = "Where on Earth?"
    box = asked.one(_SQL("bounds")) if placed else (None,) * 4
    facts = {
        "with_coordinates": placed,
        "images": images,
        "bounds": list(box),
        "countries": [{"country_code": code, "images": many} for code, many in countries],
        "sources": [{"source": source, "with_coordinates": some, "images": all_} for source, some, all_ in sources],
    }
    if not images:
        return Section("places", question, "No image was kept.", facts=facts)
    if not placed:
        without = ", ".join(f"{source}: {all_:,} without" for source, _, all_ in sources)
        return Section("places", question, f"No image has coordinates ({without}).", facts=facts)
    answer = f"{percent(placed, images)} of {count(images, 'image')} {agree(images, 'has', 'have')} coordinates."
    figure, key = world_map("where", "Images by place", [(lat, lon, many) for lat, lon, many in cells], "images")
    known = asked.one(_SQL("known"))[0]
    named = [f"{shortened(code, NAMED)} ({percent(many, known)})" for code, many in countries if code][:3]
    says = f"Of {count(known, 'image')} with a country the most are from {listed(named)}."
    if len(named) < 2:
        says = f"Every image with a country is from {named[0].split(' (')[0]}." if named else "No image has a country."
    drawn = Chart(
        says,
        figure,
        Table.of(("country", "images"), [(code or "not stated", many) for code, many in countries], _COUNTRIES),
        key,
        "Equal Earth projection; a square is 206 km wide. Coast: Natural Earth.",
    )
    under = folded({source: all_ for source, _, all_ in sources}, SOURCES, "other source")
    together: dict[str, tuple[int, int]] = {}
    for source, some, all_ in sources:
        before = together.get(under[source], (0, 0))
        together[under[source]] = (before[0] + some, before[1] + all_)
    rows = [
        Bar(source, (("kept", some, f"with: {some:,}"), ("source", all_ - some, f"without: {all_ - some:,}")))
        for source, (some, all_) in together.items()
    ]
    missing = max(sources, key=lambda row: (row[2] - row[1], row[0]))
    lacking = Chart(
        f"Of {count(images - placed, 'image')} without coordinates {missing[0]} has the most: "
        f"{missing[2] - missing[1]:,}."
        if placed < images
        else "Every image has coordinates.",
        shares("placed", "Images with coordinates by source", rows, "the source's images"),
        Table.of(("source", "with coordinates", "images"), sources),
        note="The first part of a bar has coordinates, the second has none. A place of exactly 0, 0 counts as none.",
    )
    return Section("places", question, answer, (drawn, lacking), facts)
