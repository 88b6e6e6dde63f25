"""The commands: one module each, with `register` for its arguments and `lines` for what it prints.

`lines(args)` gives the lines to print; a generator that returns a number sets the exit status. Modules import what
they need inside `lines`, so that the command line starts without Beam.
"""

from __future__ import annotations

from types import ModuleType

from pipeline.commands import (
    demo,
    explain,
    export,
    inspect,
    licences,
    plan_gbif,
    pull,
    recipe,
    records,
    run,
    sql,
    status,
    taxonomy,
    verify,
)

COMMANDS: tuple[ModuleType, ...] = (
    run,
    status,
    sql,
    explain,
    export,
    verify,
    recipe,
    demo,
    inspect,
    records,
    licences,
    plan_gbif,
    pull,
    taxonomy,
)
"""In the order in which help lists them."""

__all__ = ["COMMANDS"]
