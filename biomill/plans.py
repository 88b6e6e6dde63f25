"""Plans: what a run of a recipe would give, before a byte is fetched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING

from biomill.runs import loaded_recipe

if TYPE_CHECKING:
    from manifests import Recipe
    from pipeline.planning import Plan

logger = logging.getLogger("biomill")


def plan(
    recipe: str | PathLike[str] | Recipe,
    out: str | PathLike[str] | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    sample: int | None = None,
    head: int | None = None,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
) -> Plan:
    """Return what a run of a recipe would give: rows, hosts, hours, bytes, licences, taxa, benchmarks, names.

    `recipe`: a TOML file, or one that is loaded. `out`: the folder of the run, from which `run` goes on later, and in
    which the plan stands as plan.json; None: a temporary folder that is removed. `overrides`: as `run` takes them.
    `sample`: fetch and compare so many candidates of every source, and say how many images a run keeps, with 95 %
    confidence; `head`: ask hosts for the length of so many media of every source. Without both no request is sent.
    `workers`: processes, 0 for one per core, with which times are reckoned as well. `progress` is called with each line
    that says how far the plan is; without it they are logged by the logger "biomill".

    A plan that leaves nothing to fetch is a plan: `plan.candidates` is 0, and `plan.sources` say why. Raises
    RecipeError for a recipe that is wrong, and where hosts would be asked without a contact; SourceError, StorageError;
    NetworkLostError with `sample` or `head`; RunError when another run holds the folder, or another recipe's lies
    there; UsageError for arguments that cannot be.
    """
    from pipeline.commands.engine import workers_of
    from pipeline.engine.engine import EngineOptions
    from pipeline.model.errors import UsageError
    from pipeline.planning import Asked, make_plan
    from pipeline.storage.places import place

    for name, number, least in (("sample", sample, 1), ("head", head, 1), ("workers", workers, 0)):
        if number is not None and number < least:
            raise UsageError(f"{name} is {number}", expected=f"a whole number from {least} on", remedy="correct it")
    loaded, typed = loaded_recipe(recipe, out or "", overrides, workers)
    number = workers_of(workers)
    asked = Asked(sample or 0, head or 0, number, EngineOptions(workers=number), typed if out is not None else "")
    return make_plan(loaded, None if out is None else place(out), asked, logger.info if progress is None else progress)
