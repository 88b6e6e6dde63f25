"""`biomill taxonomy …`: the library of names as a tool of its own; one module per verb."""

from __future__ import annotations

import argparse
from types import ModuleType

from pipeline.commands.taxonomy import build, diff, explain, parse, pull, resolve, tree

VERBS: tuple[ModuleType, ...] = (build, resolve, explain, parse, diff, tree, pull)
"""In the order in which help lists them."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs' arguments."""
    group = commands.add_parser("taxonomy", help="build, question and compare taxonomies")
    verbs = group.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.register(verbs)
