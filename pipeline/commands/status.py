"""`biomill status OUT`: what is done, half done and waiting; also while a run goes on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("status", help="where a run stands")
    parser.add_argument("out", type=Path, help="folder of a run")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Give the state of every stage; raises RunError when the folder is not one of a run."""
    from pipeline.run.folder import RunFolder
    from pipeline.run.status import status_lines

    folder = RunFolder(args.out.absolute())
    folder.require_run()
    yield from status_lines(folder)
