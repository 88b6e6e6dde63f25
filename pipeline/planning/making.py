"""Making a plan: the stages up to screen, what they left counted, and a sample of it where one is asked for."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from manifests import Recipe, recipe_digest
from pipeline.choosing.rules import late_rules
from pipeline.choosing.told import unmeasured
from pipeline.engine.engine import EngineOptions
from pipeline.model.errors import RunError
from pipeline.planning.benchmark_items import benchmark_plans
from pipeline.planning.exact_bounds import population_bounds
from pipeline.planning.head_requests import head_sizes
from pipeline.planning.host_requests import fetching
from pipeline.planning.kept_interval import by_sample, error_rate, uncertain
from pipeline.planning.long_tail import taxa_plan
from pipeline.planning.open_names import open_names
from pipeline.planning.permissions import licence_images
from pipeline.planning.plan_facts import Kept, Plan
from pipeline.planning.planned_tables import make_tables
from pipeline.planning.resources import needs
from pipeline.planning.sampled_bytes import sampled_bytes
from pipeline.planning.sampled_run import SampledRun, sampled_run
from pipeline.planning.source_rows import ledger_sql, source_rows
from pipeline.planning.volume import volumes
from pipeline.quotas.quota_rules import has_quotas
from pipeline.run.driver import run
from pipeline.run.preflight import known_before, refuse
from pipeline.stages.base import Context
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_json
from pipeline.storage.places import Place, local_folder, place
from pipeline.storage.run_folder import PLAN, RunFolder, marks
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger("biomill")
_SQL = Statements(__name__)
UNTIL = "screen"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is asked to say."""

    sample: int = 0
    """Candidates of every source that are fetched to see what becomes of them; 0: none."""
    head: int = 0
    """Media of every source that are asked for their length; 0: none."""
    workers: int = 1
    """With which times are reckoned; they decide nothing else."""
    options: EngineOptions = field(default_factory=EngineOptions)
    typed: str = ""
    """The command that goes on from the plan to the run."""


def make_plan(recipe: Recipe, out: Place | None, asked: Asked, progress: Callable[[str], None] = logger.info) -> Plan:
    """Return the plan of a recipe, with its stages up to screen in `out`, or in a temporary folder that is removed.

    In `out` the plan is written as plan.json, and a later run goes on from there. Raises what a run raises, and
    RunError for a folder whose fetch was begun by another recipe.
    """
    if asked.sample or asked.head:
        refuse(known_before(recipe), "fetch")
    with _folder(out) as folder:
        if not _begun(folder, recipe):
            run(recipe, folder.root, UNTIL, asked.options, progress, typed=asked.typed)
        with folder.lock():
            plan = counted_plan(folder, recipe, asked, progress)
            if out is not None:
                write_json(folder.root / PLAN, plan_document(plan))
            return plan


def plan_document(plan: Plan) -> dict[str, object]:
    """Return the plan as plan.json holds it: what `biomill plan --json` prints."""
    return {"document": "plan", "version": VERSION, **dataclasses.asdict(plan)}


@contextmanager
def _folder(out: Place | None) -> Iterator[RunFolder]:
    if out is not None:
        yield RunFolder(place(out).absolute())
        return
    with TemporaryDirectory(prefix="biomill-plan-") as temporary:
        yield RunFolder(Path(temporary).absolute() / "run")


def _begun(folder: RunFolder, recipe: Recipe) -> bool:
    """Return whether a run of the recipe has come to fetch in the folder, so that what is there is counted as it is.

    Raises RunError where that was another recipe: the stages up to screen would be made anew, and what was fetched
    would be of no run any more.
    """
    manifest = marks(folder.manifest)
    if not manifest:
        return False
    if not isinstance(manifest, dict) or not {"recipe", "recipe_digest"} <= manifest.keys():
        raise RunError(
            "the folder holds the manifest.json of another program",
            where=str(folder.manifest),
            expected="a new or empty folder, or that of a run",
            remedy="name another folder",
        )
    same, name = manifest["recipe_digest"] == recipe_digest(recipe), manifest["recipe"]
    fetched = folder.plan("fetch").exists()
    if not same and (fetched or name != recipe.name):
        what = f"of the recipe {name!r}" if name != recipe.name else "of this recipe with other keys"
        raise RunError(
            f"the folder holds a run {what}",
            where=str(folder.root),
            expected="a new or empty folder, or one of the same recipe",
            remedy="leave out -o, or name another folder; `biomill run` goes on there with the changed recipe",
        )
    return same and fetched and UNTIL in folder.finished()


def counted_plan(folder: RunFolder, recipe: Recipe, asked: Asked, progress: Callable[[str], None]) -> Plan:
    """Return the plan of a run whose stages up to screen are there, counted from their tables."""
    index = local_folder(Context(recipe, folder, progress).taxonomy)
    with sql.connect(recipe.limits.memory_mb, folder.root) as con:
        ledger = ledger_sql(folder)
        sources = source_rows(con, folder, recipe)
        make_tables(con, folder, recipe)
        candidates = sum(each.candidates for each in sources)
        taxa = taxa_plan(con, recipe)
        measured, heads = head_sizes(con, folder, recipe, asked.head) if asked.head else ({}, None)
        kept = within_quotas(uncertain(_counts(con), recipe_cap(recipe)), recipe)
        sampled = None
        if asked.sample and candidates:
            numbers = {each.source: each.candidates for each in sources}
            with sampled_run(folder, recipe, numbers, asked.sample, asked.options, progress) as found:
                sampled = found.facts
                measured = {**measured, **sampled_bytes(con, found.folder)}
                kept = within_quotas(_kept(con, recipe, found), recipe)
        bytes_ = volumes(con, recipe.image, measured)
        asking = fetching(con, recipe.fetch, asked.workers)
        return Plan(
            recipe=recipe.name,
            digest=recipe_digest(recipe),
            sources=sources,
            candidates=candidates,
            kept=kept,
            fetching=asking,
            volumes=bytes_,
            licences=licence_images(con),
            taxa=taxa,
            benchmarks=benchmark_plans(con, folder, recipe, index, ledger),
            names=open_names(con, ledger),
            needs=needs(recipe, sources, candidates, bytes_, asking),
            sample=sampled,
            heads=heads,
        )


def recipe_cap(recipe: Recipe) -> int:
    """Return the most images that a run keeps of a taxon of its candidates; 0: any number, or nobody knows before.

    Where labels that contradict each other are lowered to a taxon that they share, that one may get more.
    """
    # With `quota_columns` a taxon has the cap once for each of their values, which are as many as records say; until a
    # quota is met more may arrive than `images_per_taxon`, and be kept.
    own = 0 if recipe.select.quota_columns else recipe.select.cap_per_taxon
    asked = 0 if recipe.fetch.until_quota or recipe.select.quota_columns else recipe.fetch.images_per_taxon
    caps = [each for each in (own, asked) if each]
    return min(caps) if caps and recipe.likeness.label_conflict != "ancestor" else 0


def within_quotas(kept: Kept, recipe: Recipe) -> Kept:
    """Return an interval as quotas and conditions on pictures leave it, which are asked when images are known.

    A target bounds it above, where no floor speaks against it; below nothing is sure, as rare taxa, cells and buffers
    may take any image.
    """
    rules = recipe.select
    unknown = unmeasured(recipe)
    if unknown:
        kept = dataclasses.replace(kept, basis="; ".join([kept.basis, *unknown]))
    taking = recipe.splitting is not None and recipe.splitting.buffer_kilometres is not None
    taking = taking or any(split.cap_per_taxon for split in recipe.splits or ())
    if not has_quotas(recipe) and not taking and not late_rules(recipe):
        return kept
    high = kept.high if rules.target is None or rules.min_per_taxon else min(kept.high, rules.target)
    estimate = None if kept.estimate is None else min(kept.estimate, high)
    return dataclasses.replace(
        kept,
        low=0,
        high=high,
        estimate=estimate,
        basis=f"{kept.basis}; quotas and conditions on pictures may take more",
    )


def _counts(con: duckdb.DuckDBPyConnection) -> list[int]:
    return [row[0] for row in con.execute(_SQL("counts")).fetchall()]


def _kept(con: duckdb.DuckDBPyConnection, recipe: Recipe, found: SampledRun) -> Kept:
    """Return how many images are kept, by what became of the sample."""
    occurrence = 0
    if recipe.benchmarks and recipe.likeness.leak_occurrence:
        alpha = error_rate(len(found.strata))
        leaks = sum(
            population_bounds(found.leaks[source], each.sampled, each.candidates, alpha)[1]
            for source, each in found.strata.items()
        )
        occurrence = int(sql.scalar(con, _SQL("of_occurrences", leaks=leaks)))
    return by_sample(found.strata, found.alike, occurrence, _counts(con), recipe_cap(recipe))
