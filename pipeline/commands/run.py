"""`biomill run RECIPE -o OUT`: from releases to shards and a catalog; goes on where it stopped."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.engine import add_engine_options, engine_options
from pipeline.commands.options.run_place import run_place
from pipeline.losses.emptiness import add_allow_empty


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("run", help="run a recipe; goes on where it stopped")
    parser.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    parser.add_argument("-o", "--out", type=run_place, required=True, help="output folder of the run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    parser.add_argument(
        "--retry", default="", metavar="OUTCOMES", help="ask again for rows that ended so: throttled,timeout"
    )
    parser.add_argument(
        "--reuse",
        type=run_place,
        action="append",
        default=[],
        metavar="RUN",
        help="take media from an earlier run's folder",
    )
    add_allow_empty(parser)
    add_engine_options(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Run, and give the funnel, what was lost and what to do next; the status tells a run that kept nothing."""
    from manifests import load_recipe
    from pipeline.catalog.closing import closing_lines
    from pipeline.run.driver import run

    retry = tuple(dict.fromkeys(word.strip() for word in args.retry.split(",") if word.strip()))
    # A run at an address may go on without the files of its recipe; what it lacks is told by the driver.
    recipe = load_recipe(args.recipe, args.set, files=isinstance(args.out, Path))
    folder = run(recipe, args.out, args.until, engine_options(args), retry=retry, reuse=args.reuse, typed=args.typed)
    return (yield from closing_lines(folder.root, args.out, recipe, args.typed, args.until, args.allow_empty))
