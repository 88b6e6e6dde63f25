"""Inspection: what a release file, archive or folder is and what is in it, without a recipe and without a run."""

from __future__ import annotations

from pipeline.inspection.entry import source_entry
from pipeline.inspection.findings import Findings, IssueCount, lines
from pipeline.inspection.release import inspect_release

__all__ = ["Findings", "IssueCount", "inspect_release", "lines", "source_entry"]
