"""Commands that need no recipe."""

from __future__ import annotations

from pipeline.commands import licences, plan_gbif, pull, records

__all__ = ["licences", "plan_gbif", "pull", "records"]
