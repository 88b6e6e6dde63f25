"""Public biodiversity records into training data: what the command `biomill` does, as functions with types.

The public API is what this module lists; everything else may change. Names are imported when they are first used, so
that `import biomill` costs next to nothing and no function loads what another one needs: Apache Beam is imported by
`run` and `plan` alone, when they run a stage. docs/python.md shows them at work.

>>> import biomill
>>> biomill.resolve_names(["Felis concolor"])["accepted_name"].to_pylist()
['Puma concolor']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biomill.image_sets import check_leakage, deduplicate
    from biomill.lists import Fetched, fetch
    from biomill.names import resolve_names
    from biomill.plans import plan
    from biomill.releases import inspect
    from biomill.runs import Explanation, Run, open_run, run
    from biomill.siblings import ShadowedError
    from dedup.errors import LikenessError
    from manifests import BiomillError, FetchRules, ImageRules, Recipe, RecipeError, RecipeErrors, TableError
    from pipeline.evaluate import Evaluated, Evaluation
    from pipeline.export import Exported
    from pipeline.feed import Batch, Feed
    from pipeline.inspection import Findings
    from pipeline.likeness.check import LeakReport
    from pipeline.likeness.deduplicate import Duplicates
    from pipeline.model.errors import (
        ConservationError,
        EmptyResultError,
        EvaluationError,
        FeedError,
        MissingExtraError,
        NetworkLostError,
        PipelineError,
        RunError,
        SourceError,
        StorageError,
        UnitsFailedError,
        UsageError,
        VerifyError,
        WorkerDiedError,
    )
    from pipeline.planning import Plan
    from pipeline.run.status import RunStatus
    from pipeline.verify import Check
    from taxonomy import Policy, Taxonomy
    from taxonomy.errors import TaxonomyError

    __version__: str

__all__ = [
    "Batch",
    "BiomillError",
    "Check",
    "ConservationError",
    "Duplicates",
    "EmptyResultError",
    "Evaluated",
    "Evaluation",
    "EvaluationError",
    "Explanation",
    "Exported",
    "Feed",
    "FeedError",
    "FetchRules",
    "Fetched",
    "Findings",
    "ImageRules",
    "LeakReport",
    "LikenessError",
    "MissingExtraError",
    "NetworkLostError",
    "PipelineError",
    "Plan",
    "Policy",
    "Recipe",
    "RecipeError",
    "RecipeErrors",
    "Run",
    "RunError",
    "RunStatus",
    "ShadowedError",
    "SourceError",
    "StorageError",
    "TableError",
    "Taxonomy",
    "TaxonomyError",
    "UnitsFailedError",
    "UsageError",
    "VerifyError",
    "WorkerDiedError",
    "__version__",
    "check_leakage",
    "deduplicate",
    "fetch",
    "inspect",
    "open_run",
    "plan",
    "resolve_names",
    "run",
]

_HOME = {
    "biomill.image_sets": ("check_leakage", "deduplicate"),
    "biomill.lists": ("Fetched", "fetch"),
    "biomill.names": ("resolve_names",),
    "biomill.plans": ("plan",),
    "biomill.releases": ("inspect",),
    "biomill.runs": ("Explanation", "Run", "open_run", "run"),
    "biomill.siblings": ("ShadowedError",),
    "dedup.errors": ("LikenessError",),
    "manifests": ("BiomillError", "FetchRules", "ImageRules", "Recipe", "RecipeError", "RecipeErrors", "TableError"),
    "pipeline.evaluate": ("Evaluated", "Evaluation"),
    "pipeline.export": ("Exported",),
    "pipeline.feed": ("Batch", "Feed"),
    "pipeline.inspection": ("Findings",),
    "pipeline.likeness.check": ("LeakReport",),
    "pipeline.likeness.deduplicate": ("Duplicates",),
    "pipeline.model.errors": (
        *("ConservationError", "EmptyResultError", "EvaluationError", "FeedError", "MissingExtraError"),
        "NetworkLostError",
        *("PipelineError", "RunError", "SourceError", "StorageError", "UnitsFailedError", "UsageError", "VerifyError"),
        "WorkerDiedError",
    ),
    "pipeline.planning": ("Plan",),
    "pipeline.run.status": ("RunStatus",),
    "pipeline.verify": ("Check",),
    "taxonomy": ("Policy", "Taxonomy"),
    "taxonomy.errors": ("TaxonomyError",),
}
"""Modules, and the names that are taken from each."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("biomill")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from biomill.siblings import check_siblings

    check_siblings()
    # Not before: where a package of ours is shadowed, this import fails.
    from manifests.lazy import lazy_names

    look_up, _ = lazy_names(__name__, _HOME)
    return look_up(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
