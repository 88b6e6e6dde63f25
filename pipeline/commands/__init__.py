"""Commands that need no recipe: each module registers its arguments and gives the lines to print."""

from __future__ import annotations

from pipeline.commands import licences, records

__all__ = ["licences", "records"]
