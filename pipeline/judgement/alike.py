"""Likeness decided whole, over the records that arrived: duplicates, label conflicts and leaks, each with evidence.

The pictures that arrived are nodes, numbered by preference; their hashes lie in memory-mapped arrays. First every node
is compared with the held-out images. What does not leak is compared with itself: dense groups of near images are
folded, what stays is joined in pieces of key ranges that each keep to a share of `limits.memory_mb`. Every unit of work
writes its own file. What stays is then decided by `pipeline.likeness.duplicates` in one deterministic order of
preference.

The stage decides so over a finished fetch, and a fetch that asks on until quotas are met over what it has so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import MINIMUM_BUDGET, HeldOutPair, dense_rows, key_ranges, plan_bands
from manifests import LikenessRules, Recipe
from pipeline.likeness.decisions import OPEN, DecisionRules, Decisions, first_decisions, open_nodes
from pipeline.likeness.dense import Folds, alike_rule, fold
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.edges import Edges
from pipeline.likeness.leaks import record_leaks, same_occurrence
from pipeline.likeness.node_files import Hashes, write_node_files
from pipeline.likeness.records.arrays import mapped, save, save_rows
from pipeline.likeness.records.candidates import Rows
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
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_table
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place, address_of
from pipeline.storage.statements import Statements

Units = Sequence[Range | Show | Piece]
_SQL = Statements(__name__)
_PIECE = (1 << 20) // 8
"""Bytes of a piece of the join per MB that the recipe allows: several pieces run side by side."""
_ROWS = 1 << 18
"""Hashes copied at a time."""


@dataclass(frozen=True, slots=True)
class AlikeFiles:
    """Where that lies which is decided of, and where the work on it."""

    folder: Place
    """Of the files that units of work read and write."""
    own: Path
    """Of what this process alone reads."""
    root: Place
    """Of the run."""
    arrived: Arrived
    blobs: Place
    """The folder of the stored images."""
    names: Place
    """The folder of resolved names."""
    held_out: Place
    """The folder of held-out items."""


@dataclass(frozen=True, slots=True)
class Alike:
    """What was decided of the records, in their order of preference."""

    decisions: Decisions
    cluster: Rows
    """Of every record the first one of its cluster."""
    usable: npt.NDArray[np.bool_]
    """Whether the hash of a record carries information."""
    facts: Mapping[str, int]


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


@dataclass(frozen=True, slots=True)
class AlikeWork:
    """The work of deciding the records of some files."""

    recipe: Recipe
    files: AlikeFiles
    ordered: Ordered
    run_units: Callable[[Units, Work], None]
    """Runs those of some units whose files are missing."""
    progress: Callable[[str], None]

    def decide(self, behind: tuple[Hashes, Hashes], searched: Callable[[int, pa.Table, pa.Table], None]) -> Alike:
        """Find pairs and leaks by units of work, and decide every record of `ordered`.

        `behind`: PDQ and pHash of pictures that are searched for leaks, and meet no other image. `searched`: is told of
        the number of nodes, what was found, and the held-out items, when leaks were searched.
        """
        folder, rules, ordered = self.files.folder, self.recipe.likeness, self.ordered
        candidates = ordered.candidates()
        if line := check_room(len(candidates), self.recipe.limits.memory_mb):
            self.progress(line)
        usable = np.asarray(candidates.quality >= rules.minimum_quality)
        node, first, count = picture_nodes(candidates.pixels, usable)
        image = ordered.array("image")
        write_node_files(folder, ordered.tables.media, image[first[:count]], behind)
        del first
        _release()
        write_table(folder / "pairs" / "-schema.parquet", PAIR_SCHEMA.empty_table())
        write_table(folder / "found" / "-schema.parquet", FOUND_SCHEMA.empty_table())

        held = read_table(self.files.held_out)
        self._units(_leak_units(rules, held, count + len(behind[0])))
        found = read_table(folder / "found")
        searched(count, found, held)
        leaks = record_leaks(ordered.digests(), node, usable, found, held, image)
        _release()
        if rules.leak_occurrence:
            leaks = leaks.joined(same_occurrence(ordered.array("occurrence"), candidates.box, leaks))
        deciding = decision_rules(self.recipe)
        is_open = first_decisions(candidates, leaks, deciding).outcome == OPEN
        alive, label = open_nodes(candidates, node, is_open)
        folds = self._fold(np.flatnonzero(alive[:count]), label[:count])
        del alive, label, is_open
        edges = self._edges(folds)
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
        return Alike(decisions, cluster, usable, facts)

    def _units(self, units: Units) -> None:
        files = self.files
        work = Work(address_of(files.folder), address_of(files.held_out), address_of(files.blobs), self.recipe.likeness)
        self.run_units(units, work)

    def _fold(self, nodes: Int, label: Rows) -> Folds:
        """Fold the dense groups among the nodes; their thumbnails are decoded by units first, once each."""
        folder, rules = self.files.folder, self.recipe.likeness
        hashes = mapped(folder / "hashes.npy")[: len(label)]
        dense = np.zeros(len(hashes), np.bool_)
        # Where every node is open, the mapped hashes are taken as they lie.
        dense[nodes] = dense_rows(hashes if len(nodes) == len(hashes) else hashes[nodes], rules.duplicate_distance)
        rows = np.flatnonzero(dense)
        save(folder / "dense.npy", rows)
        save(folder / "labels.npy", label)
        units = [Show(start) for start in range(0, len(rows), SHOWN)]
        if units:
            self.progress(f"likeness: {len(rows):,} images are in dense groups of near ones")
            self._units(units)
        shown = Shown(rows, [folder / unit.output for unit in units])
        folds = fold(hashes, nodes, dense, alike_rule(rules, shown, label), rules.duplicate_distance)
        places, image = read_places(folder / "places.arrow"), mapped(folder / "nodes.npy")
        stored = Stored(self.files.blobs, places, image)
        # Mapped anew: of what was read above nothing has to stay in memory.
        hashes = mapped(folder / "hashes.npy")[: len(label)]
        return replace(folds, hashes=hashes, alike=replace(folds.alike, shown=stored))

    def _edges(self, folds: Folds) -> Edges:
        """Join what stays after folding with itself, piece by piece; give the near pairs."""
        folder, rules = self.files.folder, self.recipe.likeness
        shape = (len(folds.stays), folds.hashes.shape[1])
        some = (folds.hashes[folds.stays[at : at + _ROWS]] for at in range(0, len(folds.stays), _ROWS))
        save_rows(folder / "joined.npy", shape, folds.hashes.dtype, some)
        save(folder / "stays.npy", folds.stays)
        joined = mapped(folder / "joined.npy")
        budget = max(MINIMUM_BUDGET, self.recipe.limits.memory_mb * _PIECE)
        pieces = key_ranges(joined, plan_bands(256, rules.duplicate_distance), budget)
        self._units([Piece(piece) for piece in pieces])
        return edges_of(read_table(folder / "pairs")).narrowed()


def ordered_records(recipe: Recipe, files: AlikeFiles, order: str) -> Ordered:
    """Lay down the arrived records, the preferred ones first; a pure function of content, never of arrival.

    `order`: the terms of preference over c (records), m (media) and n (names).
    """
    ordered = Ordered(files.own, files.arrived)
    names = sql.parquet(files.names)
    with sql.connect(recipe.limits.memory_mb, files.root) as con:
        con.execute(_SQL("named", names=names, ranks=RANK_IDS))
        ordered.write(con, order, _SQL("labels", names=names, ranks=RANK_IDS))
    return ordered


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
