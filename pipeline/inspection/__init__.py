"""Inspection: what a release file, archive or folder is and what is in it, without a recipe and without a run."""

from __future__ import annotations

from pipeline.inspection.entry import source_entry
from pipeline.inspection.findings import Findings, IssueCount, lines
from pipeline.inspection.recognised import kind_of
from pipeline.inspection.release import inspect_release
from pipeline.inspection.started import Recognised, recognised, started_recipe

__all__ = [
    "Findings",
    "IssueCount",
    "Recognised",
    "inspect_release",
    "kind_of",
    "lines",
    "recognised",
    "source_entry",
    "started_recipe",
]
