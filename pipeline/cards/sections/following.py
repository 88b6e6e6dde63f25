"""What is worth an hour? What a person could look at next, how much of it there is, and how to see it."""

from __future__ import annotations

from pipeline.cards.sections.section import Asked, Section, Table, count
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_QUEUES = (
    (
        "clusters under taxa that exclude each other",
        "conflicts",
        _SQL("conflicts"),
        "FROM quarantine ORDER BY cluster_id",
    ),
    ("names that could not be resolved", "names", _SQL("names"), "FROM names WHERE accepted_id IS NULL"),
    (
        "near-duplicates at the farthest distance",
        "near",
        _SQL("near"),
        "FROM clusters WHERE outcome = 'near_duplicate'",
    ),
    ("images that no hash can tell from a held-out one", "unknown", _SQL("unknown"), "FROM leak_unknown"),
    ("pictures that a host gave in the place of others", "placeholders", _SQL("placeholders"), "FROM placeholders"),
    ("taxa of one image", "lone", _SQL("lone"), "FROM taxa WHERE images = 1"),
    (
        "rows that fetching again could bring",
        "retryable",
        _SQL("retryable"),
        "SELECT l.* FROM ledger l JOIN outcomes USING (outcome) WHERE retryable",
    ),
)


def following(asked: Asked) -> Section:
    """Return the section: queues with their lengths, the longest way to a better dataset first."""
    rows = [(words, asked.one(query)[0], f'biomill sql RUN "{sql}"') for words, _, query, sql in _QUEUES]
    facts = {name: row[1] for row, (_, name, _, _) in zip(rows, _QUEUES, strict=True)}
    waiting = [row for row in rows if row[1]]
    question = "What is worth an hour?"
    if not waiting:
        return Section("following", question, "Nothing waits.", facts=facts)
    answer = f"{count(len(waiting), 'list')} to look at; the first: {waiting[0][0]} ({waiting[0][1]:,})."
    return Section("following", question, answer, (Table.of(("what", "how many", "see them"), waiting),), facts)
