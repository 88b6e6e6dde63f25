"""Likeness: exact and near duplicates, label conflicts, and leaks of held-out images, each with evidence.

The pictures that arrived are nodes, numbered by preference; their hashes lie in memory-mapped arrays. First every node
is compared with the held-out images. What does not leak is compared with itself: dense groups of near images are
folded, what stays is joined in pieces of key ranges that each keep to a share of `limits.memory_mb`. Every unit of work
writes its own file. What stays is then decided by `pipeline.likeness.duplicates` in one deterministic order of
preference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dedup import MINIMUM_BUDGET, HeldOutPair, dense_rows, key_ranges, plan_bands
from manifests import LikenessRules, Recipe
from pipeline.likeness.decisions import RANK_IDS, DecisionRules, first_decisions, open_nodes
from pipeline.likeness.dense import Folds, alike_rule, fold
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.leaks import record_leaks, same_occurrence
from pipeline.likeness.nodes import picture_nodes
from pipeline.likeness.placeholders import Placeholders
from pipeline.likeness.search import compares_pairs, doubtful, informative
from pipeline.likeness.stored import PLACE_SCHEMA, SHOWN, Shown, Stored, read_places, write_places
from pipeline.likeness.units import (
    FOUND_SCHEMA,
    LEAK_UNIT_HASHES,
    PAIR_SCHEMA,
    PAIR_UNIT_HASHES,
    Piece,
    Range,
    Show,
    Work,
    edges_of,
)
from pipeline.likeness.verification import Int, verified
from pipeline.likeness.write import write_decisions, write_unknown
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS
from pipeline.stages.base import Balance, Context, Stage, balance_of, missing, plan_outputs, ticker
from pipeline.stages.preference import preference
from pipeline.storage import database as sql
from pipeline.storage.atomic import atomic_path, write_table
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.engine.engine import Engine

_SQL = Statements(__name__)
_PIECE = (1 << 20) // 8
"""Bytes of a piece of the join per MB that the recipe allows: several pieces run side by side."""


def decision_rules(recipe: Recipe) -> DecisionRules:
    """Return what a recipe says about images that evidence alone does not decide."""
    rules = recipe.likeness
    if recipe.benchmarks:
        uninformative = Outcome.LEAK_UNKNOWN if rules.leak_unknown == "drop" else None
    else:
        uninformative = Outcome.LOW_INFORMATION if rules.low_information == "drop" else None
    return DecisionRules(
        minimum_quality=rules.minimum_quality,
        uninformative=uninformative,
        doubtful_leaks=rules.leak_unknown == "drop",
        lower=rules.label_conflict == "ancestor",
        lowest_allowed=RANK_COLUMNS.index(recipe.taxonomy.minimum_rank),
        leak_pair_phash=rules.leak_pair_phash,
        leak_pair_pdq=rules.leak_pair_pdq,
    )


class Likeness(Stage):
    """The likeness stage."""

    name = "likeness"
    version = 5
    sections = ("likeness", "sources", "taxonomy.minimum_rank", "limits.memory_mb")
    upstream = ("fetch", "holdout", "resolve")

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """List the arrived records in order of preference, find pairs and leaks on Beam, and decide."""
        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        records = self._records(context)
        usable = np.asarray(records.column("quality").to_numpy() >= rules.minimum_quality)
        node, first, count = picture_nodes(records.column("pixel_sha256").to_pylist(), usable)
        shown = records.take(pa.array(first[:count]))
        hashes = np.frombuffer(b"".join(shown["pdq"].to_pylist()), np.uint8).reshape(-1, 32)
        phashes = np.frombuffer(bytes.fromhex("".join(shown["phash"].to_pylist())), np.uint8).reshape(-1, 8)
        # Behind the nodes stand placeholders: they are searched for leaks, and meet no other image.
        given = Placeholders.read(context.folder, context.recipe.limits.memory_mb, rules.minimum_quality)
        _save(folder / "hashes.npy", np.concatenate([hashes, given.hashes]))
        _save(folder / "phashes.npy", np.concatenate([phashes, given.phashes]))
        write_places(folder / "nodes.arrow", shown.select(PLACE_SCHEMA.names).cast(PLACE_SCHEMA))
        write_table(folder / "pairs" / "-schema.parquet", PAIR_SCHEMA.empty_table())
        write_table(folder / "found" / "-schema.parquet", FOUND_SCHEMA.empty_table())

        held = pq.read_table(context.folder.stage("holdout") / "items")
        self._units(context, engine, _leak_units(rules, held, count + len(given.hashes)))
        found = pq.read_table(folder / "found")
        given.write_leaks(context.folder, context.recipe.limits.memory_mb, count, found, held)
        leaks = record_leaks(records, node, usable, found, held)
        if rules.leak_occurrence:
            leaks |= same_occurrence(records, leaks)
        deciding = decision_rules(context.recipe)
        alive, label = open_nodes(records, node, first_decisions(records, leaks, deciding))
        folds = self._fold(context, engine, hashes, np.flatnonzero(alive[:count]), label)
        joined = np.ascontiguousarray(hashes[folds.stays])
        _save(folder / "joined.npy", joined)
        _save(folder / "stays.npy", folds.stays)
        plan = plan_bands(256, rules.duplicate_distance)
        budget = max(MINIMUM_BUDGET, context.recipe.limits.memory_mb * _PIECE)
        self._units(context, engine, [Piece(piece) for piece in key_ranges(joined, plan, budget)])
        edges = edges_of(pq.read_table(folder / "pairs"))
        same = edges.at(verified(edges.residuals(), rules.duplicate_residual))
        decisions, cluster = decide_duplicates(records, node, same, leaks, deciding, folds)
        write_decisions(context.folder, context.recipe, records, decisions, cluster, leaks)
        unknown = write_unknown(context.folder, context.recipe, records, leaks, usable, decisions)
        return {
            "hashes": len(hashes),
            "pairs": len(edges) + len(folds.edges),
            "verified_pairs": len(same) + len(folds.edges),
            "dense": int(folds.dense.sum()),
            "folded": len(folds.edges),
            "held_out_compared": len(informative(held, rules.minimum_quality)),
            "unknown": unknown,
        }

    def _units(self, context: Context, engine: Engine, units: Sequence[Range | Show | Piece]) -> None:
        """Run those of the units whose files are missing."""
        folder = context.folder.stage(self.name)
        outputs = [unit.output for unit in units]
        plan_outputs(context, self.name, outputs)
        left = set(missing(folder, outputs))
        todo = [unit for unit in units if unit.output in left]
        if todo:
            items, blobs = context.folder.stage("holdout") / "items", context.folder.stage("fetch") / "blobs"
            work = Work(str(folder), str(items), str(blobs), context.recipe.likeness)
            engine.run_units(self.name, todo, work, folder, ticker(context, self.name, outputs))

    def _fold(self, context: Context, engine: Engine, hashes: npt.NDArray[np.uint8], nodes: Int, label: Int) -> Folds:
        """Fold the dense groups among the nodes; their thumbnails are decoded on Beam first, once each."""
        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        dense = np.zeros(len(hashes), np.bool_)
        dense[nodes] = dense_rows(np.ascontiguousarray(hashes[nodes]), rules.duplicate_distance)
        rows = np.flatnonzero(dense)
        _save(folder / "dense.npy", rows)
        _save(folder / "labels.npy", label[: len(hashes)])
        units = [Show(start) for start in range(0, len(rows), SHOWN)]
        if units:
            context.progress(f"{self.name}: {len(rows):,} images are in dense groups of near ones")
            self._units(context, engine, units)
        shown = Shown(rows, [folder / unit.output for unit in units])
        folds = fold(hashes, nodes, dense, alike_rule(rules, shown, label), rules.duplicate_distance)
        stored = Stored(context.folder.stage("fetch") / "blobs", read_places(folder / "nodes.arrow"))
        return replace(folds, alike=replace(folds.alike, shown=stored))

    def _records(self, context: Context) -> pa.Table:
        """Return the arrived records, the preferred ones first; a pure function of content, never of arrival."""
        stage, recipe = context.folder.stage, context.recipe
        pixels = "m.source_width::BIGINT * m.source_height"
        order = preference(recipe, name="n", record="c", pixels=pixels, media="m")
        query = _SQL(
            "arrived",
            arrived=sql.parquet(stage("fetch") / "arrived"),
            media=sql.parquet(stage("fetch") / "media"),
            candidates=sql.parquet(stage("screen") / "candidates"),
            names=sql.parquet(stage("resolve") / "names"),
            ranks=RANK_IDS,
            order=order,
        )
        with sql.connect(recipe.limits.memory_mb, context.folder.root) as con:
            return sql.table(con, query)

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Arrived = kept + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("fetch") / "arrived", folder / "kept", folder / "ledger")


def _leak_units(rules: LikenessRules, held: pa.Table, count: int) -> list[Range | Show | Piece]:
    units: list[Range | Show | Piece] = []
    if len(informative(held, rules.minimum_quality)) or len(doubtful(held, rules.minimum_quality)):
        units += _ranges("pdq", count)
    if rules.leak_phash_distance >= 0 and len(informative(held, rules.minimum_quality, "phash")):
        units += _ranges("phash", count)
    if compares_pairs(rules) and len(HeldOutPair.from_table(held).hashes):
        units += _ranges("pair", count, PAIR_UNIT_HASHES)
    return units


def _ranges(name: str, count: int, size: int = LEAK_UNIT_HASHES) -> list[Range]:
    return [Range(name, start, min(start + size, count)) for start in range(0, count, size)]


def _save(path: Path, array: npt.NDArray[np.generic]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, array)
