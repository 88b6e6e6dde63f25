"""`biomill recipe RECIPE [--json]`: check a recipe and print it with every key that holds."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.model.errors import UsageError

logger = logging.getLogger("biomill")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("recipe", help="check a recipe, and print it with every key that holds")
    parser.add_argument("recipe", type=Path, nargs="?", help="the recipe, a TOML file; -: standard input")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    parser.add_argument("--reference", action="store_true", help="print every key, its default and its meaning")
    parser.add_argument(
        "--starter",
        nargs="?",
        const="starter",
        metavar="NAME",
        help="print a commented recipe to start from: the starter, or another that comes with the package",
    )
    add_json_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the recipe as TOML with its digest; raises RecipeErrors with file, line, key and value of each."""
    from manifests import canonical_json, describe_recipe, load_recipe, recipe_digest, starter_recipe
    from manifests.toml_form import resolved_toml
    from pipeline.run.preflight import known_before

    if args.json and (args.reference or args.starter is not None):
        raise UsageError("--json is for a recipe that is checked", remedy="leave out --reference and --starter")
    if args.reference or args.starter is not None:
        yield (describe_recipe() if args.reference else starter_recipe(args.starter)).removesuffix("\n")
        return
    if args.recipe is None:
        raise UsageError("no recipe named", remedy="biomill recipe FILE, or --reference, or --starter")
    recipe = load_recipe(args.recipe, args.set, files=True)
    findings = known_before(recipe)
    if args.json:
        facts = {"path": args.recipe.absolute(), "name": recipe.name, "digest": recipe_digest(recipe)}
        told = [
            {"key": each.key, "problem": each.problem, "remedy": each.remedy, "refused_from": each.fatal_from or None}
            for each in findings
        ]
        yield json_document("recipe", 1, {**facts, "warnings": told, "recipe": json.loads(canonical_json(recipe))})
        return
    for finding in findings:
        logger.warning("%s: %s", "a run that fetches is refused" if finding.fatal_from else "warning", finding.line)
    yield resolved_toml(recipe).removesuffix("\n")
