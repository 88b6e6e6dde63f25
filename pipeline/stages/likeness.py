"""Likeness: exact and near duplicates, label conflicts, and leaks of held-out images, each with evidence.

What is decided, and how, stands in `pipeline.judgement.alike`; the stage decides over a finished fetch, on Beam.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.judgement.alike import AlikeFiles, AlikeWork, Units, ordered_records
from pipeline.likeness.placeholders import Placeholders
from pipeline.likeness.records.groups import KINDS
from pipeline.likeness.records.ordered import Arrived
from pipeline.likeness.units import Work
from pipeline.likeness.write import Decided, write_decisions
from pipeline.stages.base import Balance, Context, Stage, balance_of, missing, plan_outputs, ticker
from pipeline.stages.preference import fetched_preference
from pipeline.storage import database as sql

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine


class Likeness(Stage):
    """The likeness stage."""

    name = "likeness"
    version = 6
    sections = ("likeness", "sources", "taxonomy.minimum_rank", "limits.memory_mb")
    upstream = ("fetch", "holdout", "resolve")

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """List the arrived records in order of preference, find pairs and leaks on Beam, and decide."""
        recipe, memory_mb = context.recipe, context.recipe.limits.memory_mb
        folder, files = context.folder.stage(self.name), self._files(context)
        ordered = ordered_records(recipe, files, fetched_preference(recipe))
        # Behind the nodes stand placeholders: they are searched for leaks, and meet no other image.
        given = Placeholders.read(context.folder, memory_mb, recipe.likeness.minimum_quality)

        def run_units(units: Units, work: Work) -> None:
            outputs = [unit.output for unit in units]
            plan_outputs(context, self.name, outputs)
            left = set(missing(folder, outputs))
            if todo := [unit for unit in units if unit.output in left]:
                engine.run_units(self.name, todo, work, folder, ticker(context, self.name, outputs))

        work = AlikeWork(recipe, files, ordered, run_units, context.progress)
        alike = work.decide(
            (given.hashes, given.phashes),
            lambda count, found, held: given.write_leaks(context.folder, memory_mb, count, found, held),
        )
        texts = ordered.texts()
        keys = {kind: ordered.array(kind) for kind in KINDS}
        decided = Decided.of(alike.decisions, alike.cluster, keys, texts.by_name(), alike.usable)
        # Unmapped, so that what was read of them is no longer in memory.
        del keys
        unknown = write_decisions(context.folder, recipe, texts, decided)
        ordered.remove()
        return {**alike.facts, "unknown": unknown}

    def _files(self, context: Context) -> AlikeFiles:
        stage = context.folder.stage
        folders = stage("fetch") / "arrived", stage("fetch") / "media", stage("screen") / "candidates"
        return AlikeFiles(
            folder=stage(self.name),
            own=context.driver_folder(self.name) / "ordered",
            root=context.folder.root,
            arrived=Arrived(*map(sql.files_of, folders)),
            blobs=stage("fetch") / "blobs",
            names=stage("resolve") / "names",
            held_out=stage("holdout") / "items",
        )

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Arrived = kept + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("fetch") / "arrived", folder / "kept", folder / "ledger")
