"""What select decided, against what it was decided from: likeness, the names, and the weights of the whole catalog."""

from __future__ import annotations

from pipeline.storage.statements import Statements
from pipeline.verify.check import Findings, Run
from pipeline.verify.truth import NAMES, TRUTH

_SQL = Statements(__name__)
_DIFFER: dict[str, tuple[str, str]] = {
    "source": ("d.source", "r.source"),
    "image_id": ("d.image_id", "k.image_id"),
    "image_id, of those that arrived": ("d.image_id", "a.image_id"),
    "media_id": ("d.media_id", "a.media_id"),
    "group_id": ("d.group_id", "k.group_id"),
    "group_id, of what is shared": ("d.group_id", "coalesce(g.group_id, d.record_id)"),
    "name_id": ("d.name_id", "k.name_id"),
    "name_id, of the record": ("CASE WHEN l.name_id IS NULL THEN d.name_id ELSE r.name_id END", "r.name_id"),
    "accepted_id": ("d.accepted_id", "n.accepted_id"),
    "outcome of the medium": ("m.outcome", "NULL"),
    "record": ("r.record_id", "d.record_id"),
    "medium": ("m.image_id", "d.image_id"),
}
"""What a decision says, and what it was made from. A lowered label has a name of its own, in likeness/labels."""


def decisions(run: Run) -> str:
    """Every decision is on a record that likeness kept, with its image, group and name, and the weight of its taxon."""
    found = Findings("decisions are not on what they were made from")
    differences = ", ".join(_SQL("difference", said=said, value=value) for said, value in _DIFFER.values())
    (answer,) = run.rows(_SQL("decided", differences=differences, truth=TRUTH))
    for number, name in enumerate(_DIFFER):
        cases, example = answer[2 * number : 2 * number + 2]
        if cases:
            found.add(f"column {name}", example, cases)
    cases, example = run.rows(_SQL("weights"))[0]
    if cases:
        found.add("column weight", example, cases)
    for kind, query in (
        ("names more than once", f"SELECT name_id FROM {NAMES} GROUP BY 1 HAVING count(*) > 1"),
        (
            "records more than once",
            "SELECT record_id FROM read_parquet('select/decisions/*.parquet') GROUP BY 1 HAVING count(*) > 1",
        ),
        (
            "images more than once",
            "SELECT image_id FROM read_parquet('fetch/media/*.parquet') GROUP BY 1 HAVING count(*) > 1",
        ),
    ):
        cases, example = run.rows(f"SELECT count(*), min(it) FROM ({query}) q(it)")[0]
        if cases:
            found.add(kind, example, cases)
    found.check()
    number = run.count("SELECT count(*) FROM read_parquet('select/decisions/*.parquet')")
    return f"{number:,} decisions"
