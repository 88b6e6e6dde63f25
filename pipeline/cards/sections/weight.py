"""On whom does it rest? Creators, data sets and hosts, by how much of the images each gave."""

from __future__ import annotations

from pipeline.cards.plots import Curve, curves
from pipeline.cards.sections.section import Asked, Chart, Row, Section, Table, count, percent
from pipeline.storage.statements import Statements

TOP = 10
_STATEMENTS = {
    "creators": "SELECT creator, count(*) AS images FROM samples GROUP BY 1 ORDER BY 2 DESC, 1",
    "datasets": "SELECT source, dataset_key, publisher, images FROM datasets ORDER BY images DESC",
    "hosts": "SELECT host, count(*) AS images FROM samples JOIN media USING (image_id) GROUP BY 1 ORDER BY 2 DESC",
}
_SQL = Statements(__name__)
_KINDS = (("creators", "creator"), ("datasets", "data set"), ("hosts", "host"))


def weight(asked: Asked) -> Section:
    """Return the section: the share of the images that the first so many creators, data sets and hosts gave."""
    asked_of = {"creators": _SQL("creators"), "datasets": _SQL("datasets"), "hosts": _SQL("hosts")}
    given = {name: asked.rows(_SQL("sizes", of=f"({query})")) for name, query in asked_of.items()}
    images = asked.one("SELECT count(*) FROM shown")[0]
    question = "On whom does it rest?"
    facts = {"images": images, **{name: {"number": sum(r[1] for r in rows)} for name, rows in given.items()}}
    named = sum(size * many for size, many in given["creators"])
    facts["images_with_creator"] = named
    if not images:
        return Section("weight", question, "No image was kept.", facts=facts)
    lines, tables, said = [], [], []
    for (name, noun), kind in zip(_KINDS, ("kept", "source", "copies"), strict=True):
        rows = given[name]
        if not rows:
            continue
        first = asked.rows(_SQL("first", of=f"({asked_of[name]})", most=TOP))
        facts[name]["first"] = [{"name": who, "images": many} for who, many in first]
        share = percent(sum(row[1] for row in first), images)
        said.append(f"{_of(len(first), facts[name]['number'], noun)}: {share}")
        lines.append(Curve(f"{noun}s", _shares(rows, images), kind))
        tables.append(Table((noun, "images"), tuple(first), facts[name]["number"], _STATEMENTS[name]))
    sizes = [(noun, size, many) for name, noun in _KINDS for size, many in given[name]]
    figure = curves("shares", "Share of the images by rank", lines, "rank", "share of the images", share=True)
    chart = Chart("; ".join(said) + ".", figure, Table.of(("of", "images each", "how many"), sizes))
    parts: tuple[Chart | Table, ...] = (chart, *tables)
    if not named:
        answer = "No creator is named."
    else:
        creators = facts["creators"]
        many = sum(each["images"] for each in creators["first"])
        by = _of(len(creators["first"]), creators["number"], "creator")
        answer = f"{percent(many, images)} of the images are by {by}; {percent(images - named, images)} name none."
    return Section("weight", question, answer, parts, facts)


def _of(some: int, number: int, noun: str) -> str:
    """Return how many are meant.

    >>> _of(10, 509, "creator"), _of(6, 6, "creator"), _of(1, 1, "host")
    ('10 of 509 creators', '6 creators', '1 host')
    """
    return f"{some:,} of {count(number, noun)}" if some < number else count(number, noun)


def _shares(rows: list[Row], images: int) -> list[tuple[float, float]]:
    """Return (rank, share of the images up to it); ranks of the same size have a step at their middle and end."""
    rank, total, points = 0, 0, []
    for size, many in rows:
        for nth in {1, (many + 1) // 2, many}:
            points.append((float(rank + nth), (total + size * nth) / images))
        rank, total = rank + many, total + size * many
    return sorted(points)
