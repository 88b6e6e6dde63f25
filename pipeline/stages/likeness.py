"""Likeness: exact and near duplicates, label conflicts, and leaks of held-out images, each with evidence.

The distinct usable hashes are written once as memory-mapped arrays. Work units are the bands of the exact Hamming join
(duplicates) and ranges of hashes (leaks); every unit writes its pairs. What stays is then decided by
`pipeline.likeness.settle` in one deterministic order of preference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dedup import HeldOut, plan_bands
from manifests import LikenessRules, Recipe
from pipeline import sql
from pipeline.atomic import atomic_path, write_table
from pipeline.likeness.groups import GROUP_SCHEMA, groups
from pipeline.likeness.labels import lowered_names
from pipeline.likeness.leaks import record_leaks, same_occurrence
from pipeline.likeness.search import DOUBTFUL, Leak, doubtful, informative
from pipeline.likeness.settle import RANK_IDS, Edges, Fate, Verdicts, settle
from pipeline.likeness.units import (
    FOUND_SCHEMA,
    LEAK_UNIT_HASHES,
    NODE_SCHEMA,
    PAIR_SCHEMA,
    Band,
    FindPairs,
    Range,
)
from pipeline.likeness.verification import verified
from pipeline.outcomes import Outcome
from pipeline.preference import preference
from pipeline.records import ENDED_SCHEMA, RANK_COLUMNS
from pipeline.stages.base import Balance, Context, Stage, balance_of, missing, plan_outputs, ticker
from taxonomy import RESOLVED_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.run.engine import Engine

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
    + [("distance", pa.int32()), ("variant", pa.int32())]
)
UNKNOWN_SCHEMA = pa.schema([(name, pa.string()) for name in ("record_id", "source", "image_id", "reason", "decision")])
"""Images that no hash can clear of a held-out one: `decision` is drop or keep."""
QUARANTINE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_id", "source", "image_id", "cluster_id", "accepted_id", "other_id")]
)
"""Label conflicts set aside for review, every record of each."""


def load_held_out(folder: Path, minimum_quality: int) -> HeldOut:
    """Read the held-out items whose hash carries information; the others are listed as not covered by their hash."""
    return informative(pq.read_table(folder), minimum_quality)


def verdicts_of(recipe: Recipe) -> Verdicts:
    """Give what a recipe says about images that evidence alone does not decide."""
    rules = recipe.likeness
    if recipe.benchmarks:
        uninformative = Outcome.LEAK_UNKNOWN if rules.leak_unknown == "drop" else None
    else:
        uninformative = Outcome.LOW_INFORMATION if rules.low_information == "drop" else None
    return Verdicts(
        minimum_quality=rules.minimum_quality,
        uninformative=uninformative,
        doubtful_leaks=rules.leak_unknown == "drop",
        lower=rules.label_conflict == "ancestor",
        lowest_allowed=RANK_COLUMNS.index(recipe.taxonomy.minimum_rank),
    )


class Likeness(Stage):
    """The likeness stage."""

    name = "likeness"
    version = 2
    sections = ("likeness", "sources", "taxonomy.minimum_rank")
    upstream = ("fetch", "holdout", "resolve")

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """List the arrived records in order of preference, find pairs and leaks on Beam, and settle."""
        from pipeline.stages.units import RunUnits

        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        items = context.folder.stage("holdout") / "items"
        records = self._records(context)
        usable = np.asarray(records.column("quality").to_numpy() >= rules.minimum_quality)
        packed = np.frombuffer(b"".join(records.column("pdq").to_pylist()), dtype=np.uint8).reshape(-1, 32)
        hashes, node = _nodes(packed, usable, records.column("pixel_sha256").to_pylist())
        phash = bytes.fromhex("".join(records.column("phash").to_pylist()))
        phashes, phash_node = _nodes(np.frombuffer(phash, np.uint8).reshape(-1, 8), usable, None)
        for name, array in (("hashes.npy", hashes), ("phashes.npy", phashes)):
            with atomic_path(folder / name) as temporary, temporary.open("wb") as handle:
                np.save(handle, array)
        write_table(folder / "nodes.parquet", _places(records, node, len(hashes)))
        held = pq.read_table(items)
        units = _units(rules, held, len(hashes), len(phashes))
        outputs = [unit.output for unit in units]
        plan_outputs(context, self.name, outputs)
        write_table(folder / "pairs" / "-schema.parquet", PAIR_SCHEMA.empty_table())
        write_table(folder / "found" / "-schema.parquet", FOUND_SCHEMA.empty_table())
        todo = [unit for unit in units if missing(folder, [unit.output])]
        if todo:
            work = FindPairs(
                str(folder),
                str(items),
                str(context.folder.stage("fetch") / "blobs"),
                rules.duplicate_distance,
                rules.leak_distance,
                rules.leak_phash_distance,
                rules.minimum_quality,
            )
            engine.run(self.name, lambda p: p | self.name >> RunUnits(todo, work), ticker(context, self.name, outputs))
        leaks = record_leaks(records, node, phash_node, usable, pq.read_table(folder / "found"), held)
        if rules.leak_occurrence:
            leaks |= same_occurrence(records, leaks)
        pairs = pq.read_table(folder / "pairs")
        edges = verified_edges(pairs, rules)
        verdicts = verdicts_of(context.recipe)
        fates, cluster = settle(records, node, edges, leaks, verdicts)
        self._write(context, records, fates, cluster, leaks)
        unknown = self._write_unknown(context, records, leaks, usable, fates)
        return {
            "hashes": len(hashes),
            "pairs": pairs.num_rows,
            "verified_pairs": len(edges.left),
            "held_out_compared": len(informative(held, rules.minimum_quality)),
            "unknown": unknown,
        }

    def _records(self, context: Context) -> pa.Table:
        """Give the arrived records, the preferred ones first; a pure function of content, never of arrival."""
        stage, recipe = context.folder.stage, context.recipe
        order = preference(recipe, name="n", record="c", pixels="m.source_width::BIGINT * m.source_height")
        query = f"""
            SELECT a.record_id, a.source, a.image_id, a.media_id, m.pdq, m.phash, m.quality, m.sha256, m.pixel_sha256,
                   m.unit, m."offset", m."length", c.box_x IS NOT NULL AS box, c.occurrence_key, c.specimen_key,
                   c.media_key, c.name_id, n.accepted_id, {", ".join(f'n."{rank}"' for rank in RANK_IDS)}
            FROM {sql.parquet(stage("fetch") / "arrived")} a
            JOIN {sql.parquet(stage("fetch") / "media")} m USING (image_id)
            JOIN {sql.parquet(stage("screen") / "candidates")} c USING (record_id)
            JOIN {sql.parquet(stage("resolve") / "names")} n USING (name_id)
            ORDER BY {order}"""
        with sql.connect(recipe.limits.memory_mb, context.folder.root) as con:
            return sql.table(con, query)

    def _write(
        self,
        context: Context,
        records: pa.Table,
        fates: Sequence[Fate],
        cluster: npt.NDArray[np.int64],
        leaks: Mapping[int, Leak],
    ) -> None:
        folder = context.folder.stage(self.name)
        columns = ("record_id", "source", "image_id", "media_id", "name_id", "accepted_id")
        key, source, image, media, name_id, accepted = (records.column(name).to_pylist() for name in columns)
        group, shared = groups(records, cluster)
        names, renamed = self._lowered(context, name_id, fates)
        kept, ended, clusters, quarantine = [], [], [], []
        sizes = np.bincount(cluster, minlength=len(key)) if len(key) else np.zeros(0, dtype=np.int64)
        for i, fate in enumerate(fates):
            other = key[fate.other] if fate.other is not None else fate.other_item
            named = {"record_id": key[i], "source": source[i], "other_id": other, "evidence": fate.evidence or None}
            image_of = {"image_id": image[i], "media_id": media[i]}
            if fate.outcome is None:
                label = renamed[name_id[i], fate.lowered] if fate.lowered is not None else name_id[i]
                kept.append({**named, **image_of, "group_id": key[int(group[i])], "name_id": label})
            else:
                ended.append({**named, "row_id": key[i], "outcome": fate.outcome.code})
            if fate.outcome is Outcome.LABEL_CONFLICT and context.recipe.likeness.label_conflict == "quarantine":
                quarantine.append({**named, **image_of, "cluster_id": key[int(cluster[i])], "accepted_id": accepted[i]})
            if sizes[cluster[i]] > 1:
                outcome = "kept" if fate.outcome is None else fate.outcome.code
                clusters.append({**named, "cluster_id": key[int(cluster[i])], "outcome": outcome})
        leaked = [
            {"record_id": key[i], "source": source[i], "benchmark": leak.benchmark, "item": leak.item}
            | {"rule": leak.rule, "distance": leak.distance, "variant": leak.variant}
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
            write_table(folder / place / "part.parquet", table.sort_by(by) if table.num_rows else table)
        write_table(folder / "groups" / "part.parquet", pa.Table.from_pylist(shared, GROUP_SCHEMA))
        write_table(folder / "labels" / "part.parquet", names)

    def _lowered(
        self, context: Context, name_id: Sequence[str], fates: Sequence[Fate]
    ) -> tuple[pa.Table, dict[tuple[str, int], str]]:
        """Give the names of lowered labels, and for each name and rank the id of its lowered form."""
        wanted: dict[str, set[int]] = {}
        for name, fate in zip(name_id, fates, strict=True):
            if fate.lowered is not None:
                wanted.setdefault(name, set()).add(fate.lowered)
        if not wanted:
            return RESOLVED_SCHEMA.empty_table(), {}
        resolved = sql.parquet(context.folder.stage("resolve") / "names")
        with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            asked = sql.in_list(sorted(wanted))
            names = sql.table(con, f"SELECT * FROM {resolved} WHERE name_id IN {asked} ORDER BY name_id")
        parts = {(name, rank): lowered_names(names, {name: {rank}}) for name, ranks in wanted.items() for rank in ranks}
        rows = {row["name_id"]: row for part in parts.values() for row in part.to_pylist()}
        table = pa.Table.from_pylist([rows[key] for key in sorted(rows)], RESOLVED_SCHEMA)
        return table, {key: part["name_id"][0].as_py() for key, part in parts.items()}

    def _write_unknown(
        self,
        context: Context,
        records: pa.Table,
        leaks: Mapping[int, Leak],
        usable: npt.NDArray[np.bool_],
        fates: Sequence[Fate],
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
                            "keep" if fates[index].outcome is not Outcome.LEAK_UNKNOWN else "drop",
                        ],
                        strict=True,
                    )
                )
                for index, reason in reasons.items()
            ]
            if context.recipe.benchmarks
            else []
        )
        table = pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["record_id"])), UNKNOWN_SCHEMA)
        write_table(context.folder.stage(self.name) / "unknown" / "part.parquet", table)
        return len(rows)

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Arrived = kept + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("fetch") / "arrived", folder / "kept", folder / "ledger")


def _units(rules: LikenessRules, held: pa.Table, hashes: int, phashes: int) -> list[Band | Range]:
    units: list[Band | Range] = [Band(b) for b in range(len(plan_bands(256, rules.duplicate_distance).bands))]
    if len(informative(held, rules.minimum_quality)) or len(doubtful(held, rules.minimum_quality)):
        units += _ranges("pdq", hashes)
    if rules.leak_phash_distance >= 0 and len(informative(held, rules.minimum_quality, "phash")):
        units += _ranges("phash", phashes)
    return units


def _ranges(name: str, count: int) -> list[Range]:
    return [Range(name, start, min(start + LEAK_UNIT_HASHES, count)) for start in range(0, count, LEAK_UNIT_HASHES)]


def verified_edges(pairs: pa.Table, rules: LikenessRules) -> Edges:
    """Give the pairs (PAIR_SCHEMA) that are verified, as edges between hashes."""
    residual = pairs.column("residual").to_numpy().astype(np.float64)
    same = verified(residual, rules.duplicate_residual)
    left, right, distance = (
        pairs.column(name).to_numpy().astype(np.int64)[same] for name in ("left", "right", "distance")
    )
    return Edges(left, right, distance, residual[same])


def _nodes(
    packed: npt.NDArray[np.uint8], usable: npt.NDArray[np.bool_], pixels: Sequence[str] | None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the distinct usable hashes, sorted, and every record's node: by pixels where the hash is useless, or -1."""
    width = packed.shape[1]
    hashes, inverse = np.unique(packed[usable], axis=0, return_inverse=True)
    node = np.full(len(packed), -1, dtype=np.int64)
    node[usable] = inverse.reshape(-1)
    useless = np.flatnonzero(~usable)
    if len(useless) and pixels is not None:
        _, place = np.unique(np.array([pixels[i] for i in useless.tolist()]), return_inverse=True)
        node[useless] = len(hashes) + place.reshape(-1)
    return hashes.reshape(-1, width), node


def _places(records: pa.Table, node: npt.NDArray[np.int64], count: int) -> pa.Table:
    """Give where the stored image of each distinct hash lies: of the first record that bears it."""
    found, first = np.unique(node, return_index=True)
    first = first[(found >= 0) & (found < count)]
    return records.select(NODE_SCHEMA.names).take(pa.array(first)).cast(NODE_SCHEMA)
