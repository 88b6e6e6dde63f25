"""How long is the tail? Images per taxon by rank, before and after, and how even they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.cards.plots import Curve, columns, curves
from pipeline.cards.sections.section import Asked, Chart, Row, Section, Table, count, percent
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def tail(asked: Asked) -> Section:
    """Return the section: rank-abundance of input and kept, taxa by octave of their images, Hill numbers."""
    kept, given = asked.rows(_SQL("kept")), asked.rows(_SQL("given"))
    question = "How long is the tail?"
    taxa = sum(row[1] for row in kept)
    hill = _hill(kept)
    facts = {"kept": _pairs(kept), "input": _pairs(given), "hill": hill}
    if taxa < 2:
        return Section("tail", question, "1 taxon." if taxa else "No image was kept.", facts=facts)
    images = sum(row[0] * row[1] for row in kept)
    median = _median(kept, taxa)
    below = sum(many for size, many in kept if size <= median)
    answer = f"{percent(below, taxa)} of the {count(taxa, 'taxon', 'taxa')} have {count(median, 'image')} or fewer."
    lines = [Curve("kept", _ranks(kept))]
    if given:
        lines.insert(0, Curve("input rows with a taxon", _ranks(given), "source"))
    top = _images_of_first(kept, max(taxa // 10, 1))
    ranked = Chart(
        f"The commonest tenth of the taxa holds {percent(top, images)} of the images.",
        curves("abundance", "Images per taxon by rank", lines, "rank of the taxon", "images"),
        Table.of(("images per taxon", "taxa"), kept, "SELECT images, count(*) FROM taxa GROUP BY 1 ORDER BY 1 DESC"),
    )
    octaves = _octaves(kept)
    even = Chart(
        f"They are as diverse as {hill[1]:,} equally common ones (q = 1), or {hill[2]:,} (q = 2).",
        columns("octaves", "Taxa by images in octaves", octaves, "images per taxon", "taxa"),
        Table.of(("images per taxon", "taxa"), octaves),
        note="Hill numbers of order 0, 1 and 2: taxa, exp of Shannon's entropy, inverse of Simpson's index.",
    )
    return Section("tail", question, answer, (ranked, even), facts)


def _pairs(rows: Sequence[Row]) -> list[list[int]]:
    return [[size, many] for size, many in rows]


def _ranks(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return (rank, images) where a step begins, and where the last one ends."""
    rank, points = 1, []
    for size, many in rows:
        points.append((float(rank), float(size)))
        rank += many
    return [*points, (float(rank - 1), points[-1][1])]


def _median(rows: Sequence[Row], taxa: int) -> int:
    seen = 0
    for size, many in reversed(rows):
        seen += many
        if 2 * seen >= taxa:
            return int(size)
    return 0


def _images_of_first(rows: Sequence[Row], taxa: int) -> int:
    total, left = 0, taxa
    for size, many in rows:
        total += size * min(many, left)
        left -= min(many, left)
    return total


def _octaves(rows: Sequence[Row]) -> list[tuple[str, int]]:
    found: dict[int, int] = {}
    for size, many in rows:
        found[size.bit_length() - 1] = found.get(size.bit_length() - 1, 0) + many
    last = max(found, default=-1)
    return [(str(1 << at) if at == 0 else f"{1 << at}-{(2 << at) - 1}", found.get(at, 0)) for at in range(last + 1)]


def _hill(rows: Sequence[Row]) -> list[float]:
    images = sum(size * many for size, many in rows)
    if not images:
        return [0, 0, 0]
    entropy = -sum(many * (size / images) * math.log(size / images) for size, many in rows)
    simpson = sum(many * (size / images) ** 2 for size, many in rows)
    return [sum(many for _, many in rows), round(math.exp(entropy), 1), round(1 / simpson, 1)]
