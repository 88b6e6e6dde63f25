"""`biomill status OUT [--json] [--watch]`: what is done, half done and waiting; also while a run goes on."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("status", help="where a run stands")
    parser.add_argument("out", type=run_place, help="folder of a run")
    add_json_option(parser)
    parser.add_argument(
        "--watch",
        nargs="?",
        const=2,
        type=whole(1),
        metavar="SECONDS",
        help="say it again every so many seconds (2), until the run is done",
    )
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the state of every stage; raises RunError when the folder is not one of a run."""
    from pipeline.run.status import run_status, status_lines
    from pipeline.run.status_facts import status_facts
    from pipeline.storage.run_folder import STAGES, RunFolder

    while True:
        folder = RunFolder(args.out.absolute())
        status = run_status(folder)
        if args.json:
            yield json_document("status", 1, status_facts(status))
        else:
            yield from _page(list(status_lines(status)), bool(args.watch))
        if not args.watch or len(folder.finished()) == len(STAGES):
            return
        time.sleep(args.watch)


def _page(lines: list[str], watching: bool) -> Iterator[str]:
    """Yield the lines, on a terminal in the place of those before them."""
    if watching and sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[2J")
    yield from lines
    if watching:
        sys.stdout.flush()
