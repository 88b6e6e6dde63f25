"""Likeness: exact and near duplicates, and leaks of held-out images, each with evidence.

The distinct usable hashes are written once as a memory-mapped array. Work units are the bands of the exact Hamming
join (duplicates) and ranges of hashes (leaks); every unit writes its pairs. What stays is then decided by
`pipeline.settle` in one deterministic order of preference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup import HeldOut, band_pairs, components, find_leaks, plan_bands
from pipeline import sql
from pipeline.atomic import atomic_path, write_table
from pipeline.preference import preference
from pipeline.records import ENDED_SCHEMA
from pipeline.settle import RANK_IDS, Edges, Fate, Leak, settle
from pipeline.stages.base import Balance, Context, Stage, balance_of, missing, plan_outputs, ticker

if TYPE_CHECKING:
    from pipeline.run.engine import Engine

LEAK_UNIT_HASHES = 200_000
PAIR_SCHEMA = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("distance", pa.int32())])
FOUND_SCHEMA = pa.schema(
    [
        ("hash", pa.int64()),  # place in hashes.npy
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("variant", pa.int32()),  # which of the 8 dihedral variants
        ("distance", pa.int32()),
    ]
)
KEPT_SCHEMA = pa.schema([(name, pa.string()) for name in ("record_id", "source", "image_id", "media_id", "group_id")])
CLUSTER_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_id", "source", "cluster_id", "outcome", "evidence", "other_id")]
)
LEAK_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_id", "source", "benchmark", "item", "rule")]
    + [("distance", pa.int32()), ("variant", pa.int32())]
)


@dataclass(frozen=True, slots=True)
class Band:
    """One band of the self-join."""

    band: int

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        return f"pairs/band-{self.band:03d}.parquet"


@dataclass(frozen=True, slots=True)
class Range:
    """One range of hashes to compare with all held-out images."""

    start: int
    stop: int

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        return f"found/leaks-{self.start:012d}.parquet"


@dataclass(frozen=True, slots=True)
class FindPairs:
    """Work on one unit of either kind."""

    folder: str
    held_out: str
    duplicate_distance: int
    leak_distance: int
    minimum_quality: int

    def __call__(self, unit: Band | Range) -> None:
        """Write the unit's pairs."""
        folder = Path(self.folder)
        hashes = np.load(folder / "hashes.npy", mmap_mode="r")
        if isinstance(unit, Band):
            pairs = band_pairs(hashes, plan_bands(256, self.duplicate_distance), unit.band)
            columns = [pa.array(pairs.left), pa.array(pairs.right), pa.array(pairs.distance, pa.int32())]
            write_table(folder / unit.output, pa.Table.from_arrays(columns, schema=PAIR_SCHEMA))
            return
        held = load_held_out(Path(self.held_out), self.minimum_quality)
        part = hashes[unit.start : unit.stop]
        # Only hashes that carry information are in the array, so every one of them is compared.
        leaks = find_leaks(part, np.full(len(part), self.minimum_quality), held, self.leak_distance)
        columns = [
            pa.array(leaks.train + unit.start),
            pa.array([held.benchmark[i] for i in leaks.held_out.tolist()], pa.string()),
            pa.array([held.item[i] for i in leaks.held_out.tolist()], pa.string()),
            pa.array(leaks.variant, pa.int32()),
            pa.array(leaks.distance, pa.int32()),
        ]
        write_table(folder / unit.output, pa.Table.from_arrays(columns, schema=FOUND_SCHEMA))


def load_held_out(folder: Path, minimum_quality: int) -> HeldOut:
    """Read the held-out items whose hash carries information; the others are listed as not covered, never compared."""
    table = pq.read_table(folder).filter(
        (pc.field("outcome").is_null()) & pc.field("pdq").is_valid() & (pc.field("quality") >= minimum_quality)
    )
    return HeldOut.from_table(table)


class Likeness(Stage):
    """The likeness stage."""

    name = "likeness"
    version = 1
    sections = ("likeness", "sources")
    upstream = ("fetch", "holdout", "resolve")

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """List the arrived records in order of preference, find pairs and leaks on Beam, and settle."""
        from pipeline.stages.units import RunUnits

        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        items = context.folder.stage("holdout") / "items"
        records = self._records(context, folder)
        usable = np.asarray(records.column("quality").to_numpy() >= rules.minimum_quality)
        packed = np.frombuffer(b"".join(records.column("pdq").to_pylist()), dtype=np.uint8).reshape(-1, 32)
        hashes, node = _nodes(packed, usable, records.column("pixel_sha256").to_pylist())
        with atomic_path(folder / "hashes.npy") as temporary, temporary.open("wb") as handle:
            np.save(handle, hashes)
        held = load_held_out(items, rules.minimum_quality)
        units: list[Band | Range] = [Band(b) for b in range(len(plan_bands(256, rules.duplicate_distance).bands))]
        if len(held):
            units += [
                Range(start, min(start + LEAK_UNIT_HASHES, len(hashes)))
                for start in range(0, len(hashes), LEAK_UNIT_HASHES)
            ]
        outputs = [unit.output for unit in units]
        plan_outputs(context, self.name, outputs)
        write_table(folder / "pairs" / "-schema.parquet", PAIR_SCHEMA.empty_table())
        write_table(folder / "found" / "-schema.parquet", FOUND_SCHEMA.empty_table())
        todo = [unit for unit in units if missing(folder, [unit.output])]
        if todo:
            work = FindPairs(
                str(folder), str(items), rules.duplicate_distance, rules.leak_distance, rules.minimum_quality
            )
            engine.run(self.name, lambda p: p | self.name >> RunUnits(todo, work), ticker(context, self.name, outputs))
        leaks = _leaks(records, node, pq.read_table(folder / "found"), pq.read_table(items))
        pairs = pq.read_table(folder / "pairs")
        edges = Edges(*(pairs.column(name).to_numpy().astype(np.int64) for name in ("left", "right", "distance")))
        has_benchmark = bool(context.recipe.benchmarks)
        drop = rules.low_information == "drop" or has_benchmark
        fates, cluster = settle(records, node, edges, leaks, rules.minimum_quality, drop)
        self._write(folder, records, fates, cluster, leaks)
        return {"hashes": len(hashes), "pairs": pairs.num_rows, "held_out_compared": len(held)}

    def _records(self, context: Context, folder: Path) -> pa.Table:
        """Give the arrived records, the preferred ones first; a pure function of content, never of arrival."""
        stage, recipe = context.folder.stage, context.recipe
        order = preference(recipe, name="n", record="c", pixels="m.source_width::BIGINT * m.source_height")
        query = f"""
            SELECT a.record_id, a.source, a.image_id, a.media_id, m.pdq, m.quality, m.sha256, m.pixel_sha256,
                   c.box_x IS NOT NULL AS box, c.occurrence_key, c.media_key, n.accepted_id,
                   {", ".join(f'n."{rank}"' for rank in RANK_IDS)}
            FROM {sql.parquet(stage("fetch") / "arrived")} a
            JOIN {sql.parquet(stage("fetch") / "media")} m USING (image_id)
            JOIN {sql.parquet(stage("screen") / "candidates")} c USING (record_id)
            JOIN {sql.parquet(stage("resolve") / "names")} n USING (name_id)
            ORDER BY {order}"""
        with sql.connect(recipe.limits.memory_mb, context.folder.root) as con:
            return sql.table(con, query)

    def _write(
        self,
        folder: Path,
        records: pa.Table,
        fates: Sequence[Fate],
        cluster: npt.NDArray[np.int64],
        leaks: Mapping[int, Leak],
    ) -> None:
        key = records.column("record_id").to_pylist()
        source = records.column("source").to_pylist()
        group = _groups(records, cluster)
        kept, ended, clusters = [], [], []
        sizes = np.bincount(cluster, minlength=len(key)) if len(key) else np.zeros(0, dtype=np.int64)
        for i, fate in enumerate(fates):
            other = key[fate.other] if fate.other is not None else fate.other_item
            named = {"record_id": key[i], "source": source[i], "other_id": other, "evidence": fate.evidence or None}
            if fate.outcome is None:
                kept.append(
                    {
                        **named,
                        "image_id": records["image_id"][i].as_py(),
                        "media_id": records["media_id"][i].as_py(),
                        "group_id": key[int(group[i])],
                    }
                )
            else:
                ended.append({**named, "row_id": key[i], "outcome": fate.outcome.code})
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
            (ended, ENDED_SCHEMA, "ledger"),
        ):
            table = pa.Table.from_pylist(rows, schema)
            by = "row_id" if place == "ledger" else "record_id"
            write_table(folder / place / "part.parquet", table.sort_by(by) if table.num_rows else table)

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Arrived = kept + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("fetch") / "arrived", folder / "kept", folder / "ledger")


def _nodes(
    packed: npt.NDArray[np.uint8], usable: npt.NDArray[np.bool_], pixels: Sequence[str]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the distinct usable hashes, sorted, and every record's node (by pixels where the hash is useless)."""
    hashes, inverse = np.unique(packed[usable], axis=0, return_inverse=True)
    node = np.zeros(len(packed), dtype=np.int64)
    node[usable] = inverse.reshape(-1)
    useless = np.flatnonzero(~usable)
    if len(useless):
        _, place = np.unique(np.array([pixels[i] for i in useless.tolist()]), return_inverse=True)
        node[useless] = len(hashes) + place.reshape(-1)
    return hashes.reshape(-1, 32), node


def _leaks(records: pa.Table, node: npt.NDArray[np.int64], found: pa.Table, items: pa.Table) -> dict[int, Leak]:
    """Bring leaks by bytes, by pixels and by distance together, the strongest evidence per record."""
    leaks: dict[int, Leak] = {}
    by_hash = {row["hash"]: row for row in found.to_pylist()}
    same: dict[str, dict[str, tuple[str, str]]] = {"sha256": {}, "pixel_sha256": {}}
    for item in sorted(items.to_pylist(), key=lambda item: (item["benchmark"], item["item"])):
        for column, known in same.items():
            if item[column]:
                known.setdefault(item[column], (item["benchmark"], item["item"]))
    digests = {column: records.column(column).to_pylist() for column in same}
    for index in range(records.num_rows):
        for column, rule in (("sha256", "bytes"), ("pixel_sha256", "pixels")):
            hit = same[column].get(digests[column][index])
            if hit and index not in leaks:
                leaks[index] = Leak(*hit, rule, 0, 0)
        near = by_hash.get(int(node[index]))
        if near and index not in leaks:
            leaks[index] = Leak(near["benchmark"], near["item"], "hamming", near["distance"], near["variant"])
    return leaks


def _groups(records: pa.Table, cluster: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Join records that must not straddle a split: alike, of one occurrence, or of one medium."""
    left, right = [np.arange(len(cluster))], [cluster]
    for columns in (("source", "occurrence_key"), ("media_key",), ("media_id",)):
        seen: dict[tuple[str, ...], int] = {}
        for index, key in enumerate(zip(*(records.column(name).to_pylist() for name in columns), strict=True)):
            if all(key):
                left.append(np.array([index]))
                right.append(np.array([seen.setdefault(key, index)]))
    label = components(len(cluster), np.concatenate(left).astype(np.int64), np.concatenate(right).astype(np.int64))
    names = np.array(records.column("record_id").to_pylist(), dtype=object)
    smallest: dict[int, int] = {}
    for index in sorted(range(len(label)), key=lambda i: names[i]):
        smallest.setdefault(int(label[index]), index)
    return np.array([smallest[int(value)] for value in label], dtype=np.int64)
