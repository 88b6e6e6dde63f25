"""`biomill demo -o OUT`: the whole pipeline on a drawn biota, offline."""

from __future__ import annotations

import argparse
from collections.abc import Generator

from pipeline.commands.engine import add_engine_options, engine_options
from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("demo", help="the whole pipeline on a drawn biota, offline")
    parser.add_argument("-o", "--out", type=run_place, required=True, help="folder for the drawn corpus and the run")
    parser.add_argument("--seed", type=int, default=17, help="seed of the drawing")
    parser.add_argument("--shuffle", type=int, default=0, help="permute the rows of every source file")
    add_engine_options(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Draw, run, and give the funnel and what to do next."""
    from pipeline.demo.run import run_demo

    options = engine_options(args)
    return (yield from run_demo(args.out, args.seed, args.shuffle, args.until, options, args.typed))
