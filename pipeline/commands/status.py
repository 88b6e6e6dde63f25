"""`biomill status OUT [--json]`: what is done, half done and waiting; also while a run goes on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("status", help="where a run stands")
    parser.add_argument("out", type=run_place, help="folder of a run")
    add_json_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the state of every stage; raises RunError when the folder is not one of a run."""
    from pipeline.run.status import run_status, status_lines
    from pipeline.run.status_facts import status_facts
    from pipeline.storage.run_folder import RunFolder

    status = run_status(RunFolder(args.out.absolute()))
    if args.json:
        yield json_document("status", 1, status_facts(status))
    else:
        yield from status_lines(status)
