"""`biomill plan RECIPE [-o RUN] [--sample N] [--head N] [--json]`: what a run would give, before a byte is fetched."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.engine import workers, workers_of
from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("plan", help="what a run would give: rows, hosts, hours, bytes, licences, taxa")
    parser.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    parser.add_argument(
        "-o", "--out", type=run_place, metavar="RUN", help="folder of the run, from which `biomill run` goes on later"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    parser.add_argument(
        "--sample",
        type=whole(1),
        default=None,
        metavar="N",
        help="fetch and compare N candidates of every source, and say how many a run keeps",
    )
    parser.add_argument(
        "--head", type=whole(1), default=None, metavar="N", help="ask hosts for the length of N media of every source"
    )
    parser.add_argument(
        "--workers",
        type=workers,
        default="auto",
        metavar="N",
        help="processes, with which times are reckoned too (default auto: reckoned with 1; 0: one per core)",
    )
    add_allow_empty(parser)
    add_json_option(parser)
    parser.add_argument("--debug", action="store_true", help="print tracebacks of failed pipelines")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, ExitStatus]:
    """Yield the plan; the status tells one that leaves nothing to fetch."""
    from dataclasses import asdict

    from manifests import load_recipe
    from pipeline.engine.engine import EngineOptions
    from pipeline.planning import Asked, make_plan
    from pipeline.planning.making import VERSION

    recipe = load_recipe(args.recipe, args.set, files=True)
    auto = args.workers == "auto"
    number = workers_of(0 if auto else int(args.workers))
    options = EngineOptions(workers=number, auto=auto)
    asked = Asked(args.sample or 0, args.head or 0, 1 if auto else number, options, _run_command(args))
    plan = make_plan(recipe, args.out, asked)
    if args.json:
        yield json_document("plan", VERSION, asdict(plan))
    else:
        yield from plan.lines(shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
    if plan.candidates or args.json:
        empty = not plan.candidates and not args.allow_empty
        return ExitStatus.NOTHING_KEPT if empty else ExitStatus.DONE
    return (yield from nothing("nothing is left to fetch", "see the largest losses above", args))


def _run_command(args: argparse.Namespace) -> str:
    """Return the command that goes on from the plan to the run."""
    if args.out is None:
        return ""
    words = ["biomill", "run", str(args.recipe), "-o", str(args.out)]
    words += [word for setting in args.set for word in ("--set", setting)]
    return shlex.join([*words, *([] if args.workers == "auto" else ["--workers", args.workers])])
