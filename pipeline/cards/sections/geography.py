"""Where on Earth? Squares of equal area; exact places cannot be read off them."""

from __future__ import annotations

from pipeline.cards.plots import Bar, shares, world_map
from pipeline.cards.sections.section import Asked, Chart, Section, Table, count, listed, percent
from pipeline.storage.statements import Statements

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
    answer = f"{percent(placed, images)} of {count(images, 'image')} have coordinates."
    figure, key = world_map("where", "Images by place", [(lat, lon, many) for lat, lon, many in cells], "images")
    named = [f"{code} ({percent(many, images)})" for code, many in countries if code]
    says = f"Most images with a country are from {listed(named, 3)}." if named else "No image names its country."
    drawn = Chart(
        says,
        figure,
        Table.of(("country", "images"), [(code or "not stated", many) for code, many in countries], _COUNTRIES),
        key,
        "Equal Earth projection; a square is 206 km wide. Coast: Natural Earth.",
    )
    rows = [
        Bar(source, (("kept", some, f"with: {some:,}"), ("source", all_ - some, f"without: {all_ - some:,}")))
        for source, some, all_ in sources
    ]
    missing = max(sources, key=lambda row: (row[2] - row[1], row[0]))
    lacking = Chart(
        f"Most of the images without coordinates are of {missing[0]}: {missing[2] - missing[1]:,}."
        if placed < images
        else "Every image has coordinates.",
        shares("placed", "Images with coordinates by source", rows, "the source's images"),
        Table.of(("source", "with coordinates", "images"), sources),
        note="Hatched: without. A place of exactly 0, 0 counts as none.",
    )
    return Section("places", question, answer, (drawn, lacking), facts)
