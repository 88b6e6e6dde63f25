"""What was thrown out as a copy, and rightly? Distances, sizes of clusters, and pairs to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline.cards.plots import bar, bars, heat
from pipeline.cards.sections.section import Asked, Chart, Picture, Pictures, Section, Table, count, folded, percent
from pipeline.cards.sections.shots import Shots
from pipeline.cards.sections.stored_bytes import stored
from pipeline.storage.statements import Statements

PAIRS = 8
SOURCES = 12
"""Rows and columns of sources; those of fewer images have one together."""
_SQL = Statements(__name__)


def copies(asked: Asked, shots: Shots) -> Section:
    """Return the section: near-duplicates by distance, clusters by size, sources, and the farthest pairs."""
    question = "What was thrown out as a copy, and rightly?"
    dropped, exact = asked.one(_SQL("dropped"))
    near = asked.rows(_SQL("distances"))
    clusters = asked.rows(_SQL("clusters"))
    sources = asked.rows(_SQL("sources"))
    facts = {
        "dropped": dropped,
        "exact": exact,
        "near": [{"distance": d, "residual": r, "images": many} for d, r, many in near],
        "clusters": [{"size": size, "clusters": many} for size, many in clusters],
        "sources": [{"dropped": a, "kept": b, "images": many} for a, b, many in sources],
    }
    if not dropped:
        return Section("copies", question, "No two images were alike.", facts=facts)
    answer = (
        f"{count(dropped, 'image')} went as copies of one that stayed: {percent(exact, dropped)} the same image"
        + (", the others near to it." if exact < dropped else ".")
    )
    parts: list[Chart | Pictures] = []
    if near:
        parts.append(_near(near))
        pairs = tuple(_pairs(asked, shots))
        if pairs:
            parts.append(Pictures("The farthest pairs: left what was dropped, right what stayed.", pairs))
    parts.append(
        Chart(
            f"The largest cluster has {count(max(size for size, _ in clusters), 'image')}.",
            bars(
                "clusters",
                "Clusters of like images by size",
                [bar(f"{label} images", many, "copies") for label, many in _sizes(clusters)],
                "clusters",
            ),
            Table.of(("images", "clusters"), clusters),
        )
    )
    if len({row[0] for row in sources} | {row[1] for row in sources}) > 1:
        parts.append(_between(sources))
    return Section("copies", question, answer, tuple(parts), facts)


def _sizes(clusters: list[tuple[int, int]]) -> list[tuple[str, int]]:
    """Return clusters by their size, or by its octave where sizes are many.

    >>> _sizes([(2, 7), (5, 1)]), _sizes([(size, 1) for size in range(2, 40)])[-1]
    ([('2', 7), ('5', 1)], ('32-63', 8))
    """
    if len(clusters) <= 12:
        return [(f"{size:,}", many) for size, many in clusters]
    octaves: Counter[int] = Counter()
    for size, many in clusters:
        octaves[size.bit_length() - 1] += many
    return [(f"{1 << at:,}-{(2 << at) - 1:,}", octaves[at]) for at in sorted(octaves)]


def _near(near: list[tuple[int, int, int]]) -> Chart:
    distances, residuals = max(row[0] for row in near), max(row[1] for row in near)
    columns, rows = [str(at) for at in range(distances + 1)], [str(at) for at in range(residuals, -1, -1)]
    cells = {(residuals - residual, distance): many for distance, residual, many in near}
    total, far = sum(row[2] for row in near), sum(row[2] for row in near if row[0] == distances)
    return Chart(
        f"{count(total, 'near-duplicate')}, {far:,} of them at distance {distances}, the farthest.",
        heat("near", "Near-duplicates by distance and residual", columns, rows, cells, "images"),
        Table.of(("distance", "residual", "images"), near, _SQL("distances")),
        note="Across: Hamming distance of the PDQ hashes. Down: the residual of the pictures, 0 at the bottom.",
    )


def _between(sources: list[tuple[str, str, int]]) -> Chart:
    sizes: Counter[str] = Counter()
    for gone, stayed, many in sources:
        sizes.update({gone: many, stayed: many})
    under = folded(sizes, SOURCES)
    names = sorted(set(under.values()), key=lambda name: (name not in sizes, name))
    cells: Counter[tuple[int, int]] = Counter()
    for gone, stayed, many in sources:
        cells[names.index(under[gone]), names.index(under[stayed])] += many
    across = sum(many for a, b, many in sources if a != b)
    return Chart(
        f"{percent(across, sum(row[2] for row in sources))} of the copies were of another source than what stayed.",
        heat(
            "sources-of-copies",
            "Copies by source: down what went, across what stayed",
            names,
            names,
            cells,
            "images",
            numbers=True,
        ),
        Table.of(("dropped", "kept", "images"), sources, _SQL("sources")),
        note="Down: the source of what went. Across: the source of what stayed.",
    )


def _pairs(asked: Asked, shots: Shots) -> Iterator[tuple[Picture, ...]]:
    for row in asked.rows(_SQL("pairs", stored=stored(_SQL("wanted")), most=PAIRS)):
        dropped, source, unit, at, size, kept, other, kept_unit, kept_at, kept_size, distance, residual = row
        near = f"near_duplicate: distance {distance}, residual {residual or 0:.1f}"
        one = shots.stored(unit, at, size, f"{source} {dropped[:8]}", near, dropped)
        two = shots.stored(kept_unit, kept_at, kept_size, f"{other} {kept[:8]}", "stayed", kept)
        if one.data and two.data:
            yield (one, two)
