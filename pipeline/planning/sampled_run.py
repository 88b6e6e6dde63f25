"""A sample of every source, fetched and compared, to see what becomes of candidates.

The sample is what a limit would choose: the first candidates of a source in the order of a seeded hash of their ids
(`pipeline.choosing.limits`), so that it is random, the same every time, and a part of every larger one. It is run in a
folder of its own beside the stages that the plan has made, and the run that is planned begins without its media.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from manifests import Recipe
from pipeline.engine.engine import EngineOptions
from pipeline.model.outcomes import Outcome
from pipeline.planning.kept_interval import Stratum
from pipeline.planning.plan_facts import Sampled, SampledOutcome
from pipeline.run.driver import run
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import TEMPORARY_PREFIX
from pipeline.storage.run_folder import RunFolder, on_disk
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_LENT = ("ingest", "resolve", "holdout", "taxonomy", "manifest.json", ".digests.json")
_BESIDE = tuple(each.code for each in (Outcome.EXACT_DUPLICATE, Outcome.NEAR_DUPLICATE, Outcome.LABEL_CONFLICT))
"""Outcomes that an image has for another one's sake."""
_LEAKS = tuple(each.code for each in (Outcome.LEAK_BYTES, Outcome.LEAK_HAMMING))


@dataclass(frozen=True, slots=True)
class SampledRun:
    """What became of the sample."""

    facts: Sampled
    strata: Mapping[str, Stratum]
    alike: tuple[Mapping[str, int], ...]
    """Groups of sampled rows that are the same image, each by source."""
    leaks: Mapping[str, int]
    """Sampled rows that leak by themselves, by source."""
    folder: RunFolder


@contextmanager
def sampled_run(
    folder: RunFolder,
    recipe: Recipe,
    candidates: Mapping[str, int],
    per_source: int,
    options: EngineOptions,
    progress: Callable[[str], None],
) -> Iterator[SampledRun]:
    """Yield what became of `per_source` candidates of every source; its folder lives as long as the block.

    `folder`: of the run, its stage screen done; `candidates`: by source. Raises what a run raises.
    """
    lent = on_disk(folder.root).root
    home = lent if lent == folder.root else None
    with TemporaryDirectory(prefix=f"{TEMPORARY_PREFIX}sample-", dir=home) as temporary:
        root = Path(temporary) / "run"
        _lend(lent, root)
        taken = {source: min(per_source, number) for source, number in candidates.items()}
        progress(f"plan: {sum(taken.values()):,} candidates are fetched and compared, as a sample")

        def told(line: str) -> None:
            # What was said of the plan's own stages is not said again.
            if not line.startswith(("warning:", "screen:")) and not line.endswith("done before"):
                progress(line)

        run(_sampling(recipe, taken), root, "likeness", options, told)
        yield _became(RunFolder(root), recipe, candidates, per_source)


def _sampling(recipe: Recipe, taken: Mapping[str, int]) -> Recipe:
    """Return the recipe of the sample: the limits of sources stand in for every other, and nobody stands by."""
    return replace(
        recipe,
        sources=tuple(replace(spec, limit=taken.get(spec.name, 0)) for spec in recipe.sources),
        select=replace(recipe.select, limit=None),
        fetch=replace(recipe.fetch, images_per_taxon=0, until_quota=None),
    )


def _lend(source: Path, target: Path) -> None:
    """Link, or copy, the stages that the sample stands on: no stage changes a file in its place."""
    target.mkdir(parents=True)
    for name in _LENT:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, copy_function=_link)
        elif (source / name).exists():
            shutil.copy2(source / name, target / name)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copy2(source, target)


def _became(folder: RunFolder, recipe: Recipe, candidates: Mapping[str, int], per_source: int) -> SampledRun:
    stage = folder.stage
    ledgers = (sql.parquet(stage(name) / "ledger") for name in ("fetch", "likeness"))
    with sql.connect(recipe.limits.memory_mb, folder.root) as con:
        fetch, likeness = ledgers
        query = _SQL("outcomes", fetch=fetch, likeness=likeness, kept=sql.parquet(stage("likeness") / "kept"))
        outcomes = tuple(SampledOutcome(*row) for row in con.execute(query).fetchall())
        clusters, quarantine = (sql.parquet(stage("likeness") / name) for name in ("clusters", "quarantine"))
        groups: dict[str, dict[str, int]] = {}
        for group, source, number in con.execute(_SQL("alike", clusters=clusters, quarantine=quarantine)).fetchall():
            groups.setdefault(group, {})[source] = number
    strata, leaks = {}, {}
    for source, number in candidates.items():
        ways = {each.outcome: each.rows for each in outcomes if each.source == source}
        kept = ways.get(Outcome.KEPT.code, 0)
        single = kept + sum(ways.get(code, 0) for code in _BESIDE)
        strata[source] = Stratum(number, sum(ways.values()), single, kept)
        leaks[source] = sum(ways.get(code, 0) for code in _LEAKS)
    rows = sum(each.sampled for each in strata.values())
    alike = sum(number for group in groups.values() for number in group.values())
    facts = Sampled(per_source, rows, outcomes, alike)
    return SampledRun(facts, strata, tuple(groups.values()), leaks, folder)
