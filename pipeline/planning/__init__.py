"""What a run would give, told before a byte is fetched: rows, hosts, hours, bytes, licences, taxa, benchmarks.

make_plan(recipe, out, asked)     the plan, its stages up to screen made in a folder
Plan                              frozen facts; prints for people, `plan_document` is its JSON
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from pipeline.planning.making import Asked, make_plan, plan_document
    from pipeline.planning.plan_facts import Plan
    from pipeline.storage.run_folder import PLAN

__all__ = ["PLAN", "Asked", "Plan", "make_plan", "plan_document"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pipeline.planning.making": ("Asked", "make_plan", "plan_document"),
        "pipeline.planning.plan_facts": ("Plan",),
        "pipeline.storage.run_folder": ("PLAN",),
    },
)
