"""The stages' own files: as they were when their stage was done, and marks that agree with one another."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import duckdb

from manifests import BiomillError, recipe_digest
from pipeline.run.noted import changes
from pipeline.storage.places import Place
from pipeline.storage.run_folder import STAGES
from pipeline.verify.check import Findings, Run

_PLANNED = {"digest", "upstream", "outputs", "rounds", "rows"}
"""Keys of a stage's plan."""


def stages(run: Run) -> str:
    """No table of a stage has changed, come or gone since the stage was done, and all marks are of one run."""
    from pipeline.run.driver import all_stages
    from pipeline.stages.base import Context

    folder, found = run.folder, Findings("stages are not as they were left")
    manifest = _read(folder.manifest, "manifest.json", found)
    if recipe_digest(run.recipe) != manifest.get("recipe_digest"):
        found.add("manifest.json", "the resolved recipe has not the digest that stands beside it")
    context, listed = Context(run.recipe, folder, lambda line: None), 0
    marks: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for stage in all_stages():
        name, version = f"{stage.name}/_done.json", {"stage": stage.name, "version": stage.version}
        done = _read(folder.done(stage.name), name, found)
        plan = _read(folder.plan(stage.name), f"{stage.name}/_plan.json", found)
        marks[stage.name] = done, plan
        stated = {done.get("digest"), plan.get("digest"), manifest.get("stages", {}).get(stage.name, {}).get("digest")}
        if len(stated) > 1:
            found.add(f"{name}, _plan.json and manifest.json have not one digest")
        made_from = {each: marks[each][0].get("digest") for each in stage.upstream}
        if plan.get("upstream") != made_from or not plan.keys() <= _PLANNED:
            found.add(f"{stage.name}/_plan.json", f"made from {plan.get('upstream')}, but there are {made_from}")
        if (said := {key: done.get(key) for key in version}) != version:
            found.add(name, f"{said}, but this version of Biomill has {version}")
        try:
            for change in changes(folder, stage.name):
                found.add(change)
            balance = [dataclasses.asdict(each) for each in stage.balance(context, done.get("facts", {}))]
            if balance != done.get("balance"):
                found.add(name, "its balance is not that of the files")
        except (BiomillError, OSError, duckdb.Error, KeyError, ValueError, TypeError) as error:
            found.add(f"{stage.name}: {type(error).__name__}", str(error).replace("\n", ";"))
        listed += len(list(folder.stage(stage.name).rglob("*.parquet")))
    try:
        _planned(run, *marks["shards"], found)
    except duckdb.Error as error:
        found.add("shards/plan.parquet or select/decisions", str(error).replace("\n", ";"))
    found.check()
    return f"{listed:,} tables of {len(STAGES)} stages, as they were left"


def _read(path: Place, name: str, found: Findings) -> dict[str, Any]:
    """Read a mark, which is written in one form; what is no mark is a finding, and empty."""
    try:
        text = path.read_text(encoding="utf-8")
        said: dict[str, Any] = json.loads(text)
        if json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n" != text:
            found.add(f"{name} is not in the form in which it is written")
        return said if isinstance(said, dict) else {}
    except (OSError, ValueError, RecursionError) as error:
        found.add(f"{name} cannot be read", str(error))
        return {}


def _planned(run: Run, done: dict[str, Any], plan: dict[str, Any], found: Findings) -> None:
    """Compare what the shards stage planned and counted with the shards that there are."""
    shards = [
        str(name) for (name,) in run.rows("SELECT DISTINCT shard FROM read_parquet('shards/plan.parquet') ORDER BY 1")
    ]
    if plan.get("outputs") != [f"parts/{shard}.parquet" for shard in shards]:
        found.add("shards/_plan.json", "it lists other parts than plan.parquet has shards")
    facts = {
        "shards": len(shards),
        "samples": run.count("SELECT count(*) FROM read_parquet('select/decisions/*.parquet')"),
    }
    if done.get("facts") != facts:
        found.add("shards/_done.json", f"{done.get('facts')}, but {facts} were decided")
