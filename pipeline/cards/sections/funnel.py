"""What happened to the input? Stage by stage, outcome by outcome, source by source."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.cards.plots import Bar, Dot, bars, dots, shares
from pipeline.cards.sections.kinds import WORDS, kind_of
from pipeline.cards.sections.section import Asked, Chart, Row, Section, Table, agree, count, folded, percent

SOURCES = 25
"""Bars of sources; those of fewer rows have one together."""
_ASKED = (
    "SELECT stage, outcome, source, sum(rows)::BIGINT FROM funnel GROUP BY ALL ORDER BY min(place), outcome, source"
)
_MEANINGS = "SELECT outcome, meaning FROM outcomes"
_STAGES = ("ingest", "screen", "fetch", "likeness", "select", "shards")


def funnel(asked: Asked) -> Section:
    """Return the section: rows that entered each stage, every outcome, and what each source came to."""
    rows = asked.rows(_ASKED)
    meanings: dict[str, str] = dict(asked.rows(_MEANINGS))
    total = sum(row[3] for row in rows)
    kept = sum(row[3] for row in rows if row[1] == "kept")
    by_outcome: Counter[tuple[str, str]] = Counter()
    for stage, outcome, _, many in rows:
        by_outcome[stage, outcome] += many
    ended = [(stage, outcome, many) for (stage, outcome), many in by_outcome.items() if outcome != "kept"]
    facts = {
        "rows": total,
        "kept": kept,
        "outcomes": [
            {"stage": stage, "outcome": outcome, "rows": many} for (stage, outcome), many in by_outcome.items()
        ],
        "sources": [
            {"source": source, "stage": stage, "outcome": outcome, "rows": many}
            for stage, outcome, source, many in rows
        ],
    }
    question = "What happened to the input?"
    if not ended:
        return Section("funnel", question, "Every row was kept.", facts=facts)
    largest = max(ended, key=lambda each: (each[2], each[1]))
    answer = (
        f"{percent(kept, total)} of {count(total, 'row')} {agree(total, 'was', 'were')} kept; the outcome that ended "
        f"the most is {largest[1]}: {largest[2]:,}, {percent(largest[2], total - kept)} of what ended."
    )
    parts = (_stairs(by_outcome, total), _outcomes(by_outcome, meanings), _sources(rows))
    return Section("funnel", question, answer, parts, facts)


def _stairs(by_outcome: Counter[tuple[str, str]], total: int) -> Chart:
    """Return what entered each stage, cut into what went on and why the rest ended there."""
    left, drawn = total, []
    table: list[tuple[Any, ...]] = []
    for stage in _STAGES:
        kinds: Counter[str] = Counter()
        for (where, outcome), many in by_outcome.items():
            if where == stage and outcome != "kept":
                kinds[kind_of(outcome)] += many
        ended = kinds.total()
        cut = [(kind, kinds[kind], f"ended, {WORDS[kind]}: {kinds[kind]:,}") for kind in WORDS if kinds[kind]]
        parts = (("kept", left - ended, f"went on: {left - ended:,}"), *cut)
        drawn.append(Bar(stage, parts, f"{left:,}"))
        table += [(stage, left, left - ended, *(kinds[kind] for kind in WORDS if kind != "kept"))]
        left -= ended
    worst = max(table[:-1], key=lambda row: row[1] - row[2])
    headers = ("stage", "rows in", "went on", *(words for kind, words in WORDS.items() if kind != "kept"))
    return Chart(
        f"Stage {worst[0]} ended the most rows: {worst[1] - worst[2]:,} of {worst[1]:,}.",
        bars("stages", "Rows that entered each stage", drawn, "rows"),
        Table.of(headers, table, "FROM funnel"),
        note="The first part of a bar went on; the others ended there, by what they ended of.",
    )


def _outcomes(by_outcome: Counter[tuple[str, str]], meanings: dict[str, str]) -> Chart:
    order = sorted(by_outcome.items(), key=lambda item: (_STAGES.index(item[0][0]), -item[1], item[0][1]))
    rows = [Dot(outcome, many, kind_of(outcome), stage) for (stage, outcome), many in order]
    table = [(stage, outcome, many, meanings.get(outcome, "")) for (stage, outcome), many in order]
    return Chart(
        f"Rows ended in {count(len(rows), 'way')}.",
        dots("outcomes", "Rows by outcome", rows, "rows"),
        Table(("stage", "outcome", "rows", "meaning"), tuple(table), len(table), "FROM funnel()"),
    )


def _sources(rows: list[Row]) -> Chart:
    kinds: dict[str, Counter[str]] = {}
    for _, outcome, source, many in rows:
        kinds.setdefault(source, Counter())[kind_of(outcome)] += many
    order = sorted(kinds, key=lambda source: (-kinds[source].total(), source))
    together: dict[str, Counter[str]] = {}
    under = folded({source: kinds[source].total() for source in kinds}, SOURCES, "other source")
    for source in order:
        together.setdefault(under[source], Counter()).update(kinds[source])
    drawn = [
        Bar(each, tuple((kind, some[kind], f"{words}: {some[kind]:,}") for kind, words in WORDS.items()))
        for each, some in together.items()
    ]
    best = max(order, key=lambda source: (kinds[source]["kept"] / kinds[source].total(), source))
    table = [(each, kinds[each].total(), *(kinds[each][kind] for kind in WORDS)) for each in order]
    return Chart(
        f"Of {best}, {percent(kinds[best]['kept'], kinds[best].total())} were kept, the most of any source."
        if len(order) > 1
        else f"All rows are of {order[0]}.",
        shares("sources", "Rows of each source by how they ended", drawn, "the source's rows"),
        Table.of(
            ("source", "rows", *WORDS.values()), table, "SELECT source, outcome, sum(rows) FROM funnel GROUP BY ALL"
        ),
    )
