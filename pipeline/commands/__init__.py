"""The commands: one module each, with `register` for its arguments and `lines` for what it prints.

`lines(args)` gives the lines to print; a generator that returns a number sets the exit status. Modules import what
they need inside `lines`, so that the command line starts without Beam. A command that makes no DataFrames says
so by the default `no_frames`: its process is spared pandas.
"""

from __future__ import annotations

from types import ModuleType

from pipeline.commands import (
    completion,
    dedup,
    demo,
    explain,
    export,
    feed,
    fetch,
    help,
    images,
    inspect,
    leakage,
    licences,
    plan_gbif,
    publish,
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
    feed,
    publish,
    recipe,
    demo,
    inspect,
    images,
    records,
    licences,
    fetch,
    plan_gbif,
    pull,
    taxonomy,
    dedup,
    leakage,
    completion,
    help,
)
"""In the order in which help lists them."""

__all__ = ["COMMANDS"]
