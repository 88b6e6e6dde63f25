"""The stages' own files: as they were when their stage was done, and marks that agree with one another."""

from __future__ import annotations

from manifests import recipe_digest
from pipeline.atomic import read_json
from pipeline.errors import VerifyError
from pipeline.run.folder import STAGES
from pipeline.run.noted import changes
from pipeline.verify.check import Findings, Run


def stages(run: Run) -> str:
    """No table of a stage has changed, come or gone since the stage was done, and all marks are of one run."""
    folder, found = run.folder, Findings("stages are not as they were left")
    manifest = read_json(folder.manifest)
    if recipe_digest(run.recipe) != manifest.get("recipe_digest"):
        found.add("manifest.json", "the resolved recipe has not the digest that stands beside it")
    listed = 0
    for stage in STAGES:
        done, plan = read_json(folder.done(stage)), read_json(folder.plan(stage))
        stated = {done.get("digest"), plan.get("digest"), manifest.get("stages", {}).get(stage, {}).get("digest")}
        if len(stated) > 1:
            found.add(f"{stage}/_done.json", "its digest is not that of _plan.json and manifest.json")
        try:
            for change in changes(folder, stage):
                found.add(change)
        except VerifyError as error:
            found.add(f"{stage}/_files.sha256", error.what)
        listed += len(list(folder.stage(stage).rglob("*.parquet")))
    found.check()
    return f"{listed:,} tables of {len(STAGES)} stages, as they were left"
