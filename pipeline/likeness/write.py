"""What the likeness stage leaves: every record's decision as tables, with the evidence beside it.

The records pass once, in the order of their ids, so that no table is sorted and none is ever held as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import Recipe
from pipeline.likeness.decisions import CODES, LEAKS, OPEN, OUTCOMES, Decisions
from pipeline.likeness.labels import lowered_id, lowered_names
from pipeline.likeness.leak_rules import DOUBTFUL
from pipeline.likeness.record_leaks import RULES, RecordLeaks
from pipeline.likeness.records.candidates import Rows
from pipeline.likeness.records.groups import GROUP_SCHEMA, Groups, find_groups, group_rows
from pipeline.likeness.records.record_texts import RecordTexts
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_table
from pipeline.storage.row_groups import row_group_writer
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
GROUP_ROWS = 1 << 17
"""Rows of a row group of what is written here."""
_OUTCOMES = pa.array(["kept" if outcome is None else outcome.code for outcome in OUTCOMES], pa.string())
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decided:
    """Everything that was decided of n records, with what it was decided from."""

    decisions: Decisions
    cluster: Rows
    groups: Groups
    usable: Mask

    @staticmethod
    def of(decisions: Decisions, cluster: Rows, keys: Mapping[str, Rows], order: Rows, usable: Mask) -> Decided:
        """Add the groups of the records, see `find_groups`."""
        return Decided(decisions, cluster, find_groups(cluster, keys, order), usable)


def write_decisions(folder: RunFolder, recipe: Recipe, texts: RecordTexts, decided: Decided) -> int:
    """Write kept, ended, clusters, leaks, quarantine, groups, unknown and lowered labels of all records, sorted by id.

    Gives the number of images that no hash can clear, whatever became of them. Memory: one row group a table.
    """
    stage = folder.stage("likeness")
    quarantined = recipe.likeness.label_conflict == "quarantine"
    parts: dict[str, tuple[pa.Schema, Callable[[_Batch], pa.Table]]] = {
        "kept": (KEPT_SCHEMA, _Batch.kept),
        "clusters": (CLUSTER_SCHEMA, _Batch.clusters),
        "leaks": (LEAK_SCHEMA, _Batch.leaks),
        "quarantine": (QUARANTINE_SCHEMA, lambda batch: batch.quarantine(quarantined)),
        "ledger": (ENDED_SCHEMA, _Batch.ended),
        "groups": (GROUP_SCHEMA, _Batch.groups),
        "unknown": (UNKNOWN_SCHEMA, lambda batch: batch.unknown(bool(recipe.benchmarks))),
    }
    unknown = 0
    wanted: dict[str, set[int]] = {}
    with ExitStack() as files:
        writers = {
            name: files.enter_context(row_group_writer(stage / name / "part.parquet", schema, GROUP_ROWS, True))
            for name, (schema, _) in parts.items()
        }
        sizes = _sizes(decided.cluster)
        for places, columns in texts.batches():
            batch = _Batch(texts, decided, sizes[decided.cluster[places]] > 1, places, columns, wanted)
            for name, (_, table) in parts.items():
                rows = table(batch)
                unknown += rows.num_rows if name == "unknown" else 0
                writers[name](rows)
    write_table(stage / "labels" / "part.parquet", _lowered(folder, recipe.limits.memory_mb, wanted))
    return unknown


def _sizes(cluster: Rows) -> npt.NDArray[np.uint8]:
    """Return the size of the cluster that each record is the first of, as far as it matters: 0, 1, or 2 and more."""
    sizes = np.zeros(len(cluster), np.uint8)
    sizes[cluster] = 1
    own = np.arange(len(cluster), dtype=cluster.dtype)
    sizes[cluster[cluster != own]] = 2
    return sizes


def _lowered(folder: RunFolder, memory_mb: int, wanted: Mapping[str, set[int]]) -> pa.Table:
    """Return the names of lowered labels: `wanted` maps name_id to the ranks it is cut at."""
    if not wanted:
        return RESOLVED_SCHEMA.empty_table()
    resolved = sql.parquet(folder.stage("resolve") / "names")
    with sql.connect(memory_mb, folder.root) as con:
        asked = sql.in_list(sorted(wanted))
        names = sql.table(con, f"SELECT * FROM {resolved} WHERE name_id IN {asked} ORDER BY name_id")
    return lowered_names(names, wanted)


@dataclass(slots=True)
class _Batch:
    """Some records in order of id: their numbers, texts and decisions, and the tables that are made of them."""

    texts: RecordTexts
    decided: Decided
    clustered: Mask
    places: npt.NDArray[np.int64]
    columns: pa.RecordBatch
    wanted: dict[str, set[int]]
    """Grows by the names of lowered labels, with the ranks that they are cut at."""
    outcome: npt.NDArray[np.uint8] = field(init=False)
    evidence: pa.Array = field(init=False)
    other: pa.Array = field(init=False)
    cluster_id: pa.Array = field(init=False)
    group_id: pa.Array = field(init=False)

    def __post_init__(self) -> None:
        said, places = self.decided.decisions, self.places
        self.outcome = said.outcome[places]
        told: list[str | None] = [None] * len(places)
        for at in np.flatnonzero(said.why[places]).tolist():
            told[at] = said.told(int(places[at])) or None
        self.evidence = pa.array(told, pa.string())
        self.cluster_id, self.group_id = self._ids(self.decided.cluster), self._ids(self.decided.groups.group)
        other = self.texts.id_of(said.other[places])
        leaking = np.flatnonzero(said.why[places] == LEAKS)
        if len(leaking):
            items: list[str | None] = other.to_pylist()
            for at, leak in zip(leaking.tolist(), said.leaks.places(places[leaking]).tolist(), strict=True):
                items[at] = said.leaks.name(leak)
            other = pa.array(items, pa.string())
        self.other = other

    def _ids(self, of: Rows) -> pa.Array:
        """Return the ids of the records that an array names for these; looked up where it is not their own."""
        named = of[self.places]
        away = named != self.places
        found = self.texts.id_of(named[away])
        # Own ids first, then the found ones: one take puts both in order.
        at = np.arange(len(named))
        at[away] = len(named) + np.arange(len(found))
        return pa.concat_arrays([self.columns.column("record_id"), found]).take(pa.array(at))

    def _table(self, schema: pa.Schema, rows: Mask, **given: pa.Array) -> pa.Table:
        """Return some of the records as a table of the schema: columns that are given, else texts, else nulls."""
        at = pa.array(np.flatnonzero(rows))
        texts = self.columns.schema.names
        columns = [
            given[name].take(at) if name in given else self.columns.column(name).take(at)
            for name in schema.names
            if name in given or name in texts
        ]
        known = [name for name in schema.names if name in given or name in texts]
        by_name = dict(zip(known, columns, strict=True))
        return pa.Table.from_arrays(
            [by_name.get(each.name, pa.nulls(len(at), each.type)) for each in schema], schema=schema
        )

    def _said(self) -> dict[str, pa.Array]:
        codes = _OUTCOMES.take(pa.array(self.outcome))
        return {"outcome": codes, "evidence": self.evidence, "other_id": self.other, "cluster_id": self.cluster_id}

    def kept(self) -> pa.Table:
        """Return what stays, each under its own label or the lowered one."""
        said = self.decided.decisions
        lowered = np.flatnonzero(said.lowered[self.places] >= 0)
        names = self.columns.column("name_id")
        if len(lowered):
            texts = names.to_pylist()
            for at in lowered.tolist():
                place = int(self.places[at])
                rank = int(said.lowered[place])
                self.wanted.setdefault(texts[at], set()).add(rank)
                taxon = said.candidates.lineages.at_rank(int(said.candidates.label[place]), rank)
                texts[at] = lowered_id(texts[at], str(taxon))
            names = pa.array(texts, pa.string())
        return self._table(KEPT_SCHEMA, self.outcome == OPEN, name_id=names, group_id=self.group_id)

    def ended(self) -> pa.Table:
        """Return what ended."""
        record = self.columns.column("record_id")
        return self._table(ENDED_SCHEMA, self.outcome != OPEN, row_id=record, **self._said())

    def clusters(self) -> pa.Table:
        """Return the records of clusters of two or more."""
        return self._table(CLUSTER_SCHEMA, self.clustered, **self._said())

    def quarantine(self, asked: bool) -> pa.Table:
        """Return the label conflicts, where the recipe asks for them to be set aside."""
        rows = (self.outcome == CODES[Outcome.LABEL_CONFLICT]) & asked
        candidates = self.decided.decisions.candidates
        taxa: list[str | None] = [None] * len(rows)
        for at in np.flatnonzero(rows).tolist():
            taxa[at] = candidates.lineages.taxon(int(candidates.label[self.places[at]]))
        return self._table(QUARANTINE_SCHEMA, rows, accepted_id=pa.array(taxa, pa.string()), **self._said())

    def leaks(self) -> pa.Table:
        """Return the leaks, also those that the recipe lets stay."""
        leaks = self.decided.decisions.leaks
        at = leaks.places(self.places)
        rows = np.flatnonzero(at >= 0)
        return _leak_table(leaks, at[rows], self.columns.take(pa.array(rows)))

    def groups(self) -> pa.Table:
        """Return the keys that records share."""
        return group_rows(self.decided.groups, self.places, self.columns, self.cluster_id, self.group_id)

    def unknown(self, asked: bool) -> pa.Table:
        """Return the images that no hash can clear, where anything is held out."""
        said = self.decided.decisions
        leak = said.leaks.places(self.places)
        doubtful = (
            (leak >= 0) & said.leaks.of_rule(DOUBTFUL)[leak] if len(said.leaks) else np.zeros(len(leak), np.bool_)
        )
        rows = (doubtful | (~self.decided.usable[self.places] & (leak < 0))) & asked
        reasons: list[str | None] = [None] * len(rows)
        for at in np.flatnonzero(rows).tolist():
            near = f"near {said.leaks.name(int(leak[at]))}, whose hash" if doubtful[at] else "the hash"
            reasons[at] = f"{near} carries too little information"
        went = np.where(self.outcome == CODES[Outcome.LEAK_UNKNOWN], "drop", "keep")
        reason, decision = pa.array(reasons, pa.string()), pa.array(went, pa.string())
        return self._table(UNKNOWN_SCHEMA, rows, reason=reason, decision=decision)


def _leak_table(leaks: RecordLeaks, at: npt.NDArray[np.int64], texts: pa.RecordBatch) -> pa.Table:
    names = [leaks.names[item] for item in leaks.item[at].tolist()]
    columns = [
        *(texts.column(name) for name in ("record_id", "source")),
        *(pa.array([name[part] for name in names], pa.string()) for part in (0, 1)),
        pa.array([RULES[rule] for rule in leaks.rule[at].tolist()], pa.string()),
        *(pa.array(bits[at], pa.int32()) for bits in (leaks.distance, leaks.variant, leaks.phash_distance)),
    ]
    return pa.Table.from_arrays(columns, schema=LEAK_SCHEMA)
