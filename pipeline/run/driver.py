"""The run driver: stage after stage, each skipped when it is done, checked when it is new, and marked last of all."""

from __future__ import annotations

import dataclasses
import logging
import platform
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from manifests import Recipe, canonical_json, check_paths, is_remote, recipe_digest
from manifests.paths import as_given, recipe_paths
from pipeline.engine import interrupt
from pipeline.engine.earlier_job import end_earlier
from pipeline.engine.engine import Engine, EngineOptions
from pipeline.engine.meter import metered
from pipeline.losses.run_losses import stage_losses
from pipeline.media.images.resamplers import check_resampler
from pipeline.media.images.resampling import library_versions
from pipeline.model.errors import ConservationError, RunError
from pipeline.run.noted import note_files, note_late
from pipeline.run.preflight import known_before, refuse
from pipeline.run.sitting import sitting
from pipeline.stages.base import Balance, Context, Stage, note_upstream, prepare, stage_digest
from pipeline.stages.kept_inputs import check_present, find_kept, forget_kept, keep_inputs, present_paths
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, create_json, read_json, sweep, write_json
from pipeline.storage.going_on import note_command
from pipeline.storage.places import Place, place
from pipeline.storage.places.machine_copies import inputs_folder
from pipeline.storage.places.publisher import Publisher
from pipeline.storage.run_folder import STAGES, RunFolder
from pipeline.storage.stores.inputs import localised

logger = logging.getLogger("biomill")


def all_stages() -> list[Stage]:
    """Return the stages in the order in which data flows."""
    from pipeline.stages.catalog import Catalog
    from pipeline.stages.fetch import Fetch
    from pipeline.stages.holdout import Holdout
    from pipeline.stages.ingest import Ingest
    from pipeline.stages.likeness import Likeness
    from pipeline.stages.resolve import Resolve
    from pipeline.stages.screen import Screen
    from pipeline.stages.select import Select
    from pipeline.stages.shards import Shards

    return [Ingest(), Resolve(), Holdout(), Screen(), Fetch(), Likeness(), Select(), Shards(), Catalog()]


def check_balance(stage: str, balances: list[Balance]) -> None:
    """Raise ConservationError unless rows in = rows out + ended for every source.

    >>> check_balance("screen", [Balance("gbif", 10, 7, 3)])
    """
    for balance in balances:
        if balance.rows_in != balance.rows_out + balance.ended:
            raise ConservationError(
                f"stage {stage!r} does not balance for {balance.source!r}: {balance.rows_in:,} rows in, but "
                f"{balance.rows_out:,} out and {balance.ended:,} ended",
                expected="rows in = rows out + ended",
                remedy="this is a defect of Biomill: keep the folder, and report it with the recipe",
            )


def run(
    recipe: Recipe,
    out: Place,
    until: str = STAGES[-1],
    options: EngineOptions | None = None,
    progress: Callable[[str], None] = logger.info,
    retry: Sequence[str] = (),
    reuse: Sequence[Path] = (),
    typed: str = "",
) -> RunFolder:
    """Run the recipe into the folder, going on where an earlier run stopped.

    `retry`: outcomes of fetch whose rows are asked for again; `reuse`: folders of other runs whose fetched media are
    taken instead of fetched, where the rules are the same; `typed`: the command, which a stopped run names to go on.

    Raises RecipeError, SourceError, StorageError, ConservationError, WorkerDiedError or RunError; whatever it raises,
    finished stages and work units stay, and the next call goes on from them.
    """
    if until not in STAGES:
        raise RunError(f"no such stage: {until!r}", expected=f"one of {', '.join(STAGES)}")
    folder, stages = RunFolder(place(out).absolute()), all_stages()
    lacking = find_kept(folder.root, stages, recipe)
    check_paths(present_paths(lacking, recipe))
    check_resampler(recipe.image.resampler)
    # On the machine that began a run which goes on without its inputs, the same was said.
    findings = [] if lacking else known_before(recipe)
    refuse(findings, until)
    for finding in findings:
        progress(f"warning: {finding.line}")
    for other in reuse:
        RunFolder(other.absolute()).require_run()
    with (
        Engine(options or EngineOptions()) as engine,
        folder.lock() as still_held,
        sitting(folder, until) as begin,
        interrupt.heard(),
    ):
        engine.check()
        _check_owner(folder)
        begin()
        sweep_top(folder)
        manifest: dict[str, Any] = {
            "recipe": recipe.name,
            "recipe_digest": recipe_digest(recipe),
            "resolved": canonical_json(recipe),
            "code": {
                "biomill": version("biomill"),
                "python": platform.python_version(),
                **library_versions(recipe.image.resampler),
            },
            "inputs": {},
            "stages": {},
        }
        # Written at once, so that a folder is known as a run from its first second.
        write_json(folder.manifest, manifest)
        note_command(folder.root, typed)
        others = tuple(other.absolute() for other in reuse)

        def told(line: str) -> None:
            # Stages say how far they are every few seconds: a run whose lease was taken ends then, not an hour later.
            still_held()
            progress(line)

        engine.say, engine.home = told, folder.root
        end_earlier(folder.root, told)
        context = _context(localised(recipe, inputs_folder(folder.root), progress), folder, engine, told, others)
        check_present(folder.root, lacking, context)
        for stage in lacking:
            context = stage.take(context)
        if retry:
            from pipeline.stages.fetch import note_retry

            note_retry(context, retry)
        left = stages[: STAGES.index(until) + 1]
        for place_, stage in enumerate(left):
            still_held()
            inputs = stage.inputs_now(context)
            manifest["inputs"] |= inputs
            digest = stage_digest(stage, context, inputs)
            _stage(stage, context, engine, digest, still_held, left[place_ + 1 :])
            for line in stage_losses(folder, stage.name, recipe):
                progress(line)
            facts = read_json(folder.done(stage.name))["facts"]
            manifest["stages"][stage.name] = {"digest": digest, "version": stage.version}
            if "taxonomy_build" in facts:
                manifest["taxonomy_build"] = facts["taxonomy_build"]
            write_json(folder.manifest, manifest)
    return folder


def _context(
    recipe: Recipe, folder: RunFolder, engine: Engine, told: Callable[[str], None], reuse: tuple[Path, ...]
) -> Context:
    """Return what stages get; with a publisher where workers share nothing with this machine but an address."""
    publisher = None
    if engine.options.remote and not isinstance(folder.root, Path):
        given = {Path(path): as_given(path) for _, path in recipe_paths(recipe)}
        publisher = Publisher(folder.root, {path: text for path, text in given.items() if is_remote(text)}, told)
    return Context(recipe, folder, told, reuse, publisher)


def _check_owner(folder: RunFolder) -> None:
    if folder.manifest.exists():
        return  # a run of millions of files is not listed for this
    strangers = [path.name for path in folder.root.iterdir() if not path.name.startswith(".")]
    if strangers:
        raise RunError(
            "the output folder holds other things",
            where=f"{folder.root} holds {sorted(strangers)[0]!r}",
            expected="a new or empty folder, or the folder of an earlier run",
            remedy="name another output folder",
        )


def sweep_top(folder: RunFolder) -> None:
    """Remove what killed runs left under temporary names beside the stages' folders."""
    root = folder.root
    if not isinstance(root, Path):
        return
    for path in sorted(root.glob(f"{TEMPORARY_PREFIX}*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    sweep(root / "taxonomy")


def _stage(
    stage: Stage,
    context: Context,
    engine: Engine,
    digest: str,
    still_held: Callable[[], None] = lambda: None,
    later: Sequence[Stage] = (),
) -> None:
    done = context.folder.done(stage.name)
    if done.exists() and read_json(done)["digest"] == digest:
        context.folder.frozen(stage.name)
        note_late(context.folder, stage.name)
        note_upstream(stage, context)
        context.progress(f"{stage.name}: done before")
        return
    interrupt.check()
    context.folder.frozen(stage.name, False)
    prepare(stage, context, digest, keep=stage.name == "fetch")
    context.progress(f"{stage.name}: started")
    if context.publisher:
        undone = [each for each in later if not each.kept and not context.folder.done(each.name).exists()]
        keep_inputs([stage, *undone] if not stage.kept else undone, context, context.publisher)
    else:
        forget_kept(stage, context)
    engine.expect(stage.name, 0.0)  # of stages that say no more
    with metered() as cost:
        facts = stage.run(context, engine)
        balances = stage.balance(context, facts)
        check_balance(stage.name, balances)
    counted = dict(sorted(engine.counted.get(stage.name, {}).items()))
    write_json(context.folder.stage(stage.name) / "_cost.json", {**dataclasses.asdict(cost), "counted": counted})
    mark = {
        "stage": stage.name,
        "digest": digest,
        "version": stage.version,
        "facts": facts,
        "balance": [dataclasses.asdict(balance) for balance in balances],
        "files": note_files(context.folder, stage.name),
    }
    still_held()
    if not create_json(done, mark):
        raise RunError(
            f"stage {stage.name!r} was marked as done by another run",
            where=str(done),
            expected="one run that writes the folder",
            remedy="let the other run come to its end, then run the same command again",
        )
    context.folder.frozen(stage.name)
    rows = ", ".join(f"{b.source} {b.rows_in:,} = {b.rows_out:,} + {b.ended:,}" for b in balances)
    context.progress(
        f"{stage.name}: done in {cost.wall_s:.1f} s ({rows})" if rows else f"{stage.name}: done in {cost.wall_s:.1f} s"
    )
