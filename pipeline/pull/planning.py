"""From counts to questions: the predicates of the downloads that hold the media of the wanted records."""

from __future__ import annotations

from typing import Any

from pipeline.pull.predicates import MAX_PARAMETERS, Predicate, check_predicate
from pipeline.pull.pull_errors import PullError
from pipeline.sources.darwin_core.gbif_simple import COUNTED, MAX_WANTED, SimpleCounts, Wanted

ORDERS = ("ids", "datasets")


def plan_predicates(counts: SimpleCounts, want: Wanted, order: str = "ids") -> tuple[Predicate, ...]:
    """Return the predicates to ask a DWCA for; none when nothing is wanted.

    `order` 'ids' names every record: exact, 100,000 records to a download. 'datasets' names the datasets, licences and
    bases of record: one download, which may hold more than is wanted (other kingdoms, records that are new since).
    Raises PullError when there are too many records to name.
    """
    if order not in ORDERS:
        raise PullError(f"no such order: {order!r}", expected=" or ".join(ORDERS))
    if not counts.wanted:
        return ()
    if order == "ids":
        if not counts.ids_complete:
            raise PullError(
                f"{counts.wanted:,} records are wanted",
                expected=f"at most {MAX_WANTED:,} to be named one by one",
                remedy="want fewer by licence, basis of record or kingdom; or say --by datasets",
            )
        ids = sorted(counts.ids, key=lambda key: (len(key), key))
        made: list[Predicate] = [
            {"type": "in", "key": "GBIF_ID", "values": ids[start : start + MAX_PARAMETERS]}
            for start in range(0, len(ids), MAX_PARAMETERS)
        ]
    else:
        parts: list[Predicate] = [
            {"type": "equals", "key": "MEDIA_TYPE", "value": want.media_type},
            {"type": "equals", "key": "OCCURRENCE_STATUS", "value": "PRESENT"},
            {"type": "in", "key": "DATASET_KEY", "values": sorted(set(counts.datasets) - {""})},
        ]
        for key, allowed in (("LICENSE", want.licences), ("BASIS_OF_RECORD", want.bases)):
            if allowed:
                parts.append({"type": "in", "key": key, "values": sorted(allowed)})
        made = [{"type": "and", "predicates": parts}]
    for predicate in made:
        check_predicate(predicate)
    return tuple(made)


def plan_summary(counts: SimpleCounts) -> dict[str, Any]:
    """Return the counts as plain data, largest first, equal ones by name: what plan.json holds."""
    return {
        "rows": counts.rows,
        "malformed": counts.malformed,
        "wanted": counts.wanted,
        "datasets": len(counts.datasets),
        "by": {
            name: [
                {"value": value, "rows": rows, "wanted": counts.wanted_by[name][value]}
                for value, rows in sorted(counts.by[name].items(), key=lambda item: (-item[1], item[0]))
            ]
            for name in COUNTED
        },
    }
