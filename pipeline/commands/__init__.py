"""The commands: one module each, with `register` for its arguments and `lines` for what it prints.

`lines(args)` gives the lines to print; a generator that returns a number sets the exit status. Modules import what
they need inside `lines`, so that the command line starts without Beam. A command that makes no DataFrames says
so by the default `no_frames`: its process is spared pandas.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

COMMANDS = (
    *("run", "plan", "status", "sql", "explain", "report", "export"),
    *("verify", "feed", "train", "embed", "neighbours", "evaluate", "publish", "recipe", "init", "demo"),
    *(
        "inspect",
        "images",
        "records",
        "licences",
        "fetch",
        "plan-gbif",
        "pull",
        "taxonomy",
        "dedup",
        "leakage",
        "completion",
        "help",
    ),
)
"""In the order in which help lists them."""


def command_module(name: str) -> ModuleType:
    """Return the module of a command.

    >>> command_module("plan-gbif").__name__
    'pipeline.commands.plan_gbif'
    """
    return import_module(f"pipeline.commands.{name.replace('-', '_')}")


__all__ = ["COMMANDS", "command_module"]
