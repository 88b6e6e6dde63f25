"""`biomill publish RUN ADDRESS`: copy the shards of a run to an object store."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.withdraw import add_withdraw_option


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("publish", help="copy the shards of a run to an object store, or any fsspec address")
    parser.add_argument("out", type=Path, metavar="run", help="folder of the run")
    parser.add_argument("address", help="such as s3://bucket/name, or file:///mnt/share/name")
    parser.add_argument("--check", action="store_true", help="read every byte back and compare its checksum")
    add_withdraw_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Copy, and say what was copied."""
    from pipeline.publish import publish

    yield from publish(args.out, args.address, args.check, args.withdraw)
