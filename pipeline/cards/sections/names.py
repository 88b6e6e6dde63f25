"""Are the names right? How they were matched, and which deserve a look."""

from __future__ import annotations

from pipeline.cards.plots import Dot, dots
from pipeline.cards.sections.section import Asked, Chart, Section, Table, count, percent
from pipeline.storage.statements import Statements

LISTED = 15
_SQL = Statements(__name__)


def names(asked: Asked) -> Section:
    """Return the section: match types by names and records, unresolved names, and matches that are least sure."""
    rows = asked.rows(_SQL("matched"))
    question = "Are the names right?"
    facts = {
        "matched": [
            {"match_type": kind, "taxonomic_status": status, "names": some, "records": many}
            for kind, status, some, many in rows
        ]
    }
    if not rows:
        return Section("names", question, "No record has a name.", facts=facts)
    total = sum(row[3] for row in rows)
    unresolved = asked.rows(_SQL("unresolved", most=LISTED, records="shown_names"))
    open_names = asked.one(_SQL("open"))
    facts |= {"unresolved_names": open_names[0], "unresolved_records": open_names[1]}
    answer = (
        f"{count(open_names[0], 'name')} of {count(open_names[1], 'record')} could not be resolved, "
        f"{percent(open_names[1], total)} of all records."
        if open_names[0]
        else "Every name was given a taxon."
    )
    drawn = [
        Dot(f"{kind.lower()}, {status or 'no usage'}", many, "names", second=some, note=f"{some:,} / {many:,}")
        for kind, status, some, many in rows
    ]
    exact = sum(row[3] for row in rows if row[0] in ("EXACT", "CANONICAL"))
    parts: list[Chart | Table] = [
        Chart(
            f"{percent(exact, total)} of the records bear a name that was matched letter by letter.",
            dots("matches", "Names and records by how they were matched", drawn, "names (small dot) and records"),
            Table.of(("match type", "status", "names", "records"), rows, "FROM names"),
            note="At the right: names / records.",
        )
    ]
    if unresolved:
        parts.append(
            Table(
                ("unresolved name", "kind", "records"),
                tuple(unresolved),
                open_names[0],
                _SQL("unresolved", most=1000, records=_SQL("records")),
            )
        )
    doubtful = asked.rows(_SQL("doubtful", most=LISTED))
    if doubtful:
        headers = ("least sure matches", "matched to", "confidence", "runner-up", "records")
        parts.append(Table.of(headers, doubtful))
    return Section("names", question, answer, tuple(parts), facts)
