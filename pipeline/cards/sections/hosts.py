"""What did hosts answer? Images asked for and arrived, by host."""

from __future__ import annotations

from pipeline.cards.plots import Dot, dots
from pipeline.cards.sections.section import Asked, Chart, Section, Table, count, percent
from pipeline.storage.statements import Statements

TOP = 20
_SQL = Statements(__name__)


def hosts(asked: Asked) -> Section:
    """Return the section: the hosts that were asked for the most, and what share of it came."""
    question = "What did hosts answer?"
    rows = asked.rows(_SQL("asked", most=TOP))
    number, total, came = asked.one(_SQL("totals"))
    facts = {
        "hosts": number,
        "asked": total or 0,
        "arrived": came or 0,
        "first": [{"host": host, "asked": many, "arrived": some} for host, many, some in rows],
    }
    if not total:
        return Section("hosts", question, "Nothing was fetched.", facts=facts)
    answer = f"{percent(came, total)} of {count(total, 'image')} came, from {count(number, 'host')}."
    worst = min(rows, key=lambda row: (row[2] / row[1], -row[1], row[0]))
    drawn = [Dot(host, many, "fetch", note=f"{percent(some, many)} of {many:,}") for host, many, some in rows]
    rest = total - sum(row[1] for row in rows)
    if rest:
        drawn.append(Dot(count(number - len(rows), "other host"), rest, "source"))
    chart = Chart(
        f"Of these hosts {worst[0]} gave the smallest share: {percent(worst[2], worst[1])}."
        if len(rows) > 1
        else f"The only host is {worst[0]}.",
        dots("asked", "Images asked for by host", drawn, "images asked for"),
        Table(("host", "asked", "arrived"), tuple(rows), number, "FROM hosts"),
        note="At the right: the share that arrived.",
    )
    return Section("hosts", question, answer, (chart,), facts)
