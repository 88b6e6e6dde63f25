"""`biomill explain OUT ID [--json]`: one row's whole life."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("explain", help="one row's whole life")
    parser.add_argument("out", type=run_place, help="folder of a run")
    parser.add_argument("id", help="row_id, its beginning, or the source's own record, media or box key")
    add_json_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the row's life, from the source's byte to the shard's offset or the reason why it has none."""
    from pipeline.catalog.row_life import explain, explain_facts

    if args.json:
        yield json_document("explain", 1, explain_facts(args.out, args.id))
    else:
        yield from explain(args.out, args.id)
