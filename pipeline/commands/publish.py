"""`biomill publish RUN ADDRESS`: copy the shards of a run to an object store."""

from __future__ import annotations

import argparse
from collections.abc import Generator

from pipeline.commands.options.run_place import run_place
from pipeline.commands.withdraw import add_withdraw_option
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("publish", help="copy the shards of a run to an object store, or any fsspec address")
    parser.add_argument("out", type=run_place, metavar="run", help="folder of the run")
    parser.add_argument("address", help="such as s3://bucket/name, or file:///mnt/share/name")
    parser.add_argument("--check", action="store_true", help="read every byte back and compare its checksum")
    add_withdraw_option(parser)
    add_allow_empty(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Copy, and say what was copied."""
    from pipeline.export.publish import publish
    from pipeline.losses.run_losses import rows_left
    from pipeline.storage.run_folder import RunFolder

    yield from publish(args.out, args.address, args.check, args.withdraw)
    if rows_left(RunFolder(args.out)):
        return ExitStatus.DONE
    return (yield from nothing("no image was published", "the run kept none; it says itself what to change", args))
