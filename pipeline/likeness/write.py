"""What the likeness stage leaves: every record's decision as tables, with the evidence beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import Recipe
from pipeline.likeness.decisions import Decision
from pipeline.likeness.groups import GROUP_SCHEMA, groups
from pipeline.likeness.labels import lowered_names
from pipeline.likeness.leak_rules import DOUBTFUL, Leak
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.storage import database as sql
from pipeline.storage.atomic import write_table
from pipeline.storage.run_folder import RunFolder
from taxonomy import RESOLVED_SCHEMA

KEPT_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("record_id", "source", "image_id", "media_id", "group_id")),
        pa.field("name_id", pa.string()),  # of names or of likeness/labels: what the image is labelled with
    ]
)
CLUSTER_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_id", "source", "cluster_id", "outcome", "evidence", "other_id")]
)
LEAK_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_id", "source", "benchmark", "item", "rule")]
    + [("distance", pa.int32()), ("variant", pa.int32()), ("phash_distance", pa.int32())]
)
UNKNOWN_SCHEMA = pa.schema([(name, pa.string()) for name in ("record_id", "source", "image_id", "reason", "decision")])
"""Images that no hash can clear of a held-out one: `decision` is drop or keep."""
QUARANTINE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_id", "source", "image_id", "cluster_id", "accepted_id", "other_id")]
)
"""Label conflicts set aside for review, every record of each."""


def write_decisions(
    folder: RunFolder,
    recipe: Recipe,
    records: pa.Table,
    decisions: Sequence[Decision],
    cluster: npt.NDArray[np.int64],
    leaks: Mapping[int, Leak],
) -> None:
    """Write kept, ended, clusters, leaks, quarantine, groups and lowered labels of all records, sorted by id."""
    stage = folder.stage("likeness")
    columns = ("record_id", "source", "image_id", "media_id", "name_id", "accepted_id")
    key, source, image, media, name_id, accepted = (records.column(name).to_pylist() for name in columns)
    group, shared = groups(records, cluster)
    names, renamed = _lowered(folder, recipe.limits.memory_mb, name_id, decisions)
    kept, ended, clusters, quarantine = [], [], [], []
    sizes = np.bincount(cluster, minlength=len(key)) if len(key) else np.zeros(0, dtype=np.int64)
    for i, decision in enumerate(decisions):
        other = key[decision.other] if decision.other is not None else decision.other_item
        named = {"record_id": key[i], "source": source[i], "other_id": other, "evidence": decision.evidence or None}
        image_of = {"image_id": image[i], "media_id": media[i]}
        if decision.outcome is None:
            label = renamed[name_id[i], decision.lowered] if decision.lowered is not None else name_id[i]
            kept.append({**named, **image_of, "group_id": key[int(group[i])], "name_id": label})
        else:
            ended.append({**named, "row_id": key[i], "outcome": decision.outcome.code})
        if decision.outcome is Outcome.LABEL_CONFLICT and recipe.likeness.label_conflict == "quarantine":
            quarantine.append({**named, **image_of, "cluster_id": key[int(cluster[i])], "accepted_id": accepted[i]})
        if sizes[cluster[i]] > 1:
            outcome = "kept" if decision.outcome is None else decision.outcome.code
            clusters.append({**named, "cluster_id": key[int(cluster[i])], "outcome": outcome})
    leaked = [
        {"record_id": key[i], "source": source[i], "benchmark": leak.benchmark, "item": leak.item}
        | {"rule": leak.rule, "distance": leak.distance, "variant": leak.variant}
        | {"phash_distance": leak.phash_distance}
        for i, leak in leaks.items()
    ]
    for rows, schema, place in (
        (kept, KEPT_SCHEMA, "kept"),
        (clusters, CLUSTER_SCHEMA, "clusters"),
        (leaked, LEAK_SCHEMA, "leaks"),
        (quarantine, QUARANTINE_SCHEMA, "quarantine"),
        (ended, ENDED_SCHEMA, "ledger"),
    ):
        table = pa.Table.from_pylist(rows, schema)
        by = "row_id" if place == "ledger" else "record_id"
        write_table(stage / place / "part.parquet", table.sort_by(by) if table.num_rows else table)
    write_table(stage / "groups" / "part.parquet", pa.Table.from_pylist(shared, GROUP_SCHEMA))
    write_table(stage / "labels" / "part.parquet", names)


def _lowered(
    folder: RunFolder, memory_mb: int, name_id: Sequence[str], decisions: Sequence[Decision]
) -> tuple[pa.Table, dict[tuple[str, int], str]]:
    """Return the names of lowered labels, and for each name and rank the id of its lowered form."""
    wanted: dict[str, set[int]] = {}
    for name, decision in zip(name_id, decisions, strict=True):
        if decision.lowered is not None:
            wanted.setdefault(name, set()).add(decision.lowered)
    if not wanted:
        return RESOLVED_SCHEMA.empty_table(), {}
    resolved = sql.parquet(folder.stage("resolve") / "names")
    with sql.connect(memory_mb, folder.root) as con:
        asked = sql.in_list(sorted(wanted))
        names = sql.table(con, f"SELECT * FROM {resolved} WHERE name_id IN {asked} ORDER BY name_id")
    parts = {(name, rank): lowered_names(names, {name: {rank}}) for name, ranks in wanted.items() for rank in ranks}
    rows = {row["name_id"]: row for part in parts.values() for row in part.to_pylist()}
    table = pa.Table.from_pylist([rows[key] for key in sorted(rows)], RESOLVED_SCHEMA)
    return table, {key: part["name_id"][0].as_py() for key, part in parts.items()}


def write_unknown(
    folder: RunFolder,
    recipe: Recipe,
    records: pa.Table,
    leaks: Mapping[int, Leak],
    usable: npt.NDArray[np.bool_],
    decisions: Sequence[Decision],
) -> int:
    """List the images that no hash can clear, whatever became of them; give their number."""
    reasons = dict.fromkeys(np.flatnonzero(~usable).tolist(), "the hash carries too little information")
    reasons |= {
        index: f"near {leak.benchmark}/{leak.item}, whose hash carries too little information"
        for index, leak in leaks.items()
        if leak.rule == DOUBTFUL
    }
    reasons = {i: r for i, r in reasons.items() if i not in leaks or leaks[i].rule == DOUBTFUL}
    columns = [records.column(name).to_pylist() for name in ("record_id", "source", "image_id")]
    rows = (
        [
            dict(
                zip(
                    UNKNOWN_SCHEMA.names,
                    [
                        *(column[index] for column in columns),
                        reason,
                        "keep" if decisions[index].outcome is not Outcome.LEAK_UNKNOWN else "drop",
                    ],
                    strict=True,
                )
            )
            for index, reason in reasons.items()
        ]
        if recipe.benchmarks
        else []
    )
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["record_id"])), UNKNOWN_SCHEMA)
    write_table(folder.stage("likeness") / "unknown" / "part.parquet", table)
    return len(rows)
