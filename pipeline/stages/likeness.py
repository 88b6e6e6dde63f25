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
import pyarrow as pa

from dedup import MINIMUM_BUDGET, HeldOutPair, dense_rows, key_ranges, plan_bands
from manifests import LikenessRules, Recipe
from pipeline.likeness.decisions import OPEN, DecisionRules, first_decisions, open_nodes
from pipeline.likeness.dense import Folds, alike_rule, fold
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.edges import Edges
from pipeline.likeness.leaks import record_leaks, same_occurrence
from pipeline.likeness.node_files import write_node_files
from pipeline.likeness.placeholders import Placeholders
from pipeline.likeness.records.arrays import mapped, save, save_rows
from pipeline.likeness.records.candidates import Rows
from pipeline.likeness.records.groups import KINDS
from pipeline.likeness.records.lineages import RANK_IDS
from pipeline.likeness.records.nodes import picture_nodes
from pipeline.likeness.records.ordered import Arrived, Ordered
from pipeline.likeness.records.room import check_room
from pipeline.likeness.search import compares_pairs, doubtful, informative
from pipeline.likeness.stored import SHOWN, Shown, Stored, read_places
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
from pipeline.likeness.write import Decided, write_decisions
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS
from pipeline.stages.base import Balance, Context, Stage, balance_of, missing, plan_outputs, ticker
from pipeline.stages.preference import preference
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_table
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import address_of
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine

_SQL = Statements(__name__)
_PIECE = (1 << 20) // 8
"""Bytes of a piece of the join per MB that the recipe allows: several pieces run side by side."""
_ROWS = 1 << 18
"""Hashes copied at a time."""


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
    version = 6
    sections = ("likeness", "sources", "taxonomy.minimum_rank", "limits.memory_mb")
    upstream = ("fetch", "holdout", "resolve")

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """List the arrived records in order of preference, find pairs and leaks on Beam, and decide."""
        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        ordered = self._ordered(context)
        candidates = ordered.candidates()
        if line := check_room(len(candidates), context.recipe.limits.memory_mb):
            context.progress(line)
        usable = np.asarray(candidates.quality >= rules.minimum_quality)
        node, first, count = picture_nodes(candidates.pixels, usable)
        image = ordered.array("image")
        given = Placeholders.read(context.folder, context.recipe.limits.memory_mb, rules.minimum_quality)
        # Behind the nodes stand placeholders: they are searched for leaks, and meet no other image.
        write_node_files(folder, ordered.tables.media, image[first[:count]], (given.hashes, given.phashes))
        del first
        _release()
        write_table(folder / "pairs" / "-schema.parquet", PAIR_SCHEMA.empty_table())
        write_table(folder / "found" / "-schema.parquet", FOUND_SCHEMA.empty_table())

        held = read_table(context.folder.stage("holdout") / "items")
        self._units(context, engine, _leak_units(rules, held, count + len(given.hashes)))
        found = read_table(folder / "found")
        given.write_leaks(context.folder, context.recipe.limits.memory_mb, count, found, held)
        leaks = record_leaks(ordered.digests(), node, usable, found, held, image)
        _release()
        if rules.leak_occurrence:
            leaks = leaks.joined(same_occurrence(ordered.array("occurrence"), candidates.box, leaks))
        deciding = decision_rules(context.recipe)
        is_open = first_decisions(candidates, leaks, deciding).outcome == OPEN
        alive, label = open_nodes(candidates, node, is_open)
        folds = self._fold(context, engine, np.flatnonzero(alive[:count]), label[:count])
        del alive, label, is_open
        edges = self._edges(context, engine, folds)
        _release()
        pairs = len(edges)
        edges = edges.at(verified(edges.residuals(), rules.duplicate_residual))
        decisions, cluster = decide_duplicates(candidates, node, edges, leaks, deciding, folds)
        facts = {
            "hashes": count,
            "pairs": pairs + len(folds.edges),
            "verified_pairs": len(edges) + len(folds.edges),
            "dense": int(folds.dense.sum()),
            "folded": len(folds.edges),
            "held_out_compared": len(informative(held, rules.minimum_quality)),
        }
        del edges, folds, node, image
        texts = ordered.texts()
        keys = {kind: ordered.array(kind) for kind in KINDS}
        decided = Decided.of(decisions, cluster, keys, texts.by_name(), usable)
        # Unmapped, so that what was read of them is no longer in memory.
        del keys
        unknown = write_decisions(context.folder, context.recipe, texts, decided)
        ordered.remove()
        return {**facts, "unknown": unknown}

    def _units(self, context: Context, engine: Engine, units: Sequence[Range | Show | Piece]) -> None:
        """Run those of the units whose files are missing."""
        folder = context.folder.stage(self.name)
        outputs = [unit.output for unit in units]
        plan_outputs(context, self.name, outputs)
        left = set(missing(folder, outputs))
        todo = [unit for unit in units if unit.output in left]
        if todo:
            items, blobs = context.folder.stage("holdout") / "items", context.folder.stage("fetch") / "blobs"
            work = Work(address_of(folder), address_of(items), address_of(blobs), context.recipe.likeness)
            engine.run_units(self.name, todo, work, folder, ticker(context, self.name, outputs))

    def _fold(self, context: Context, engine: Engine, nodes: Int, label: Rows) -> Folds:
        """Fold the dense groups among the nodes; their thumbnails are decoded on Beam first, once each."""
        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        hashes = mapped(folder / "hashes.npy")[: len(label)]
        dense = np.zeros(len(hashes), np.bool_)
        # Where every node is open, the mapped hashes are taken as they lie.
        dense[nodes] = dense_rows(hashes if len(nodes) == len(hashes) else hashes[nodes], rules.duplicate_distance)
        rows = np.flatnonzero(dense)
        save(folder / "dense.npy", rows)
        save(folder / "labels.npy", label)
        units = [Show(start) for start in range(0, len(rows), SHOWN)]
        if units:
            context.progress(f"{self.name}: {len(rows):,} images are in dense groups of near ones")
            self._units(context, engine, units)
        shown = Shown(rows, [folder / unit.output for unit in units])
        folds = fold(hashes, nodes, dense, alike_rule(rules, shown, label), rules.duplicate_distance)
        places, image = read_places(folder / "places.arrow"), mapped(folder / "nodes.npy")
        stored = Stored(context.folder.stage("fetch") / "blobs", places, image)
        # Mapped anew: of what was read above nothing has to stay in memory.
        hashes = mapped(folder / "hashes.npy")[: len(label)]
        return replace(folds, hashes=hashes, alike=replace(folds.alike, shown=stored))

    def _edges(self, context: Context, engine: Engine, folds: Folds) -> Edges:
        """Join what stays after folding with itself, piece by piece; give the near pairs."""
        folder, rules = context.folder.stage(self.name), context.recipe.likeness
        shape = (len(folds.stays), folds.hashes.shape[1])
        some = (folds.hashes[folds.stays[at : at + _ROWS]] for at in range(0, len(folds.stays), _ROWS))
        save_rows(folder / "joined.npy", shape, folds.hashes.dtype, some)
        save(folder / "stays.npy", folds.stays)
        joined = mapped(folder / "joined.npy")
        budget = max(MINIMUM_BUDGET, context.recipe.limits.memory_mb * _PIECE)
        pieces = key_ranges(joined, plan_bands(256, rules.duplicate_distance), budget)
        self._units(context, engine, [Piece(piece) for piece in pieces])
        return edges_of(read_table(folder / "pairs")).narrowed()

    def _ordered(self, context: Context) -> Ordered:
        """Lay down the arrived records, the preferred ones first; a pure function of content, never of arrival."""
        stage, recipe = context.folder.stage, context.recipe
        folders = stage("fetch") / "arrived", stage("fetch") / "media", stage("screen") / "candidates"
        arrived = Arrived(*map(sql.files_of, folders))
        ordered = Ordered(context.driver_folder(self.name) / "ordered", arrived)
        order = preference(recipe, name="n", record="c", pixels="m.source_width::BIGINT * m.source_height", media="m")
        names = sql.parquet(stage("resolve") / "names")
        with sql.connect(recipe.limits.memory_mb, context.folder.root) as con:
            con.execute(_SQL("named", names=names, ranks=RANK_IDS))
            ordered.write(con, order, _SQL("labels", names=names, ranks=RANK_IDS))
        return ordered

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Arrived = kept + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("fetch") / "arrived", folder / "kept", folder / "ledger")


def _release() -> None:
    """Hand memory back that Arrow keeps of batches that have passed."""
    pa.default_memory_pool().release_unused()


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
