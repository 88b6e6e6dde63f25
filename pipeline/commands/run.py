"""`biomill run RECIPE -o OUT`: from releases to shards and a catalog; goes on where it stopped."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.engine import add_engine_options, engine_options
from pipeline.run.folder import STAGES


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("run", help="run a recipe; goes on where it stopped")
    parser.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    parser.add_argument("-o", "--out", type=Path, required=True, help="output folder of the run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    parser.add_argument(
        "--retry", default="", metavar="OUTCOMES", help="ask again for rows that ended so: throttled,timeout"
    )
    parser.add_argument(
        "--reuse", type=Path, action="append", default=[], metavar="RUN", help="take media from an earlier run's folder"
    )
    add_engine_options(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Run, and give the funnel and what to do next."""
    from manifests import load_recipe
    from pipeline.run.driver import run

    retry = tuple(dict.fromkeys(word.strip() for word in args.retry.split(",") if word.strip()))
    folder = run(
        load_recipe(args.recipe, args.set, files=True),
        args.out,
        args.until,
        engine_options(args),
        retry=retry,
        reuse=args.reuse,
    )
    if args.until == STAGES[-1]:
        from pipeline.report import closing_lines

        yield from closing_lines(folder.root, args.out, args.typed)
