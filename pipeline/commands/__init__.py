"""Commands that need no recipe."""

from __future__ import annotations

from pipeline.commands import inspect, licences, plan_gbif, pull, records

__all__ = ["inspect", "licences", "plan_gbif", "pull", "records"]
