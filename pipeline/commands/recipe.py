"""`biomill recipe RECIPE`: check a recipe and print it with every key that holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UsageError


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("recipe", help="check a recipe, and print it with every key that holds")
    parser.add_argument("recipe", type=Path, nargs="?", help="the recipe, a TOML file; -: standard input")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    parser.add_argument("--reference", action="store_true", help="print every key, its default and its meaning")
    parser.add_argument("--starter", action="store_true", help="print a commented recipe to start from")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Give the recipe as TOML with its digest; raises RecipeErrors with file, line, key and value of each."""
    from manifests import describe_recipe, load_recipe, starter_recipe
    from manifests.toml_form import resolved_toml

    if args.reference or args.starter:
        yield (describe_recipe() if args.reference else starter_recipe()).removesuffix("\n")
        return
    if args.recipe is None:
        raise UsageError("no recipe named", remedy="biomill recipe FILE, or --reference, or --starter")
    yield resolved_toml(load_recipe(args.recipe, args.set, files=True)).removesuffix("\n")
