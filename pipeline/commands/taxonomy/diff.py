"""`biomill taxonomy diff A B`: what changed between two built taxonomies."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.options.numbers import whole


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser("diff", help="what changed between two built taxonomies")
    parser.add_argument("before", type=Path, metavar="A", help="a built taxonomy")
    parser.add_argument("after", type=Path, metavar="B", help="another one")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write all changes to this Parquet file")
    parser.add_argument(
        "--examples", type=whole(0), default=3, metavar="N", help="print so many of each kind (default 3)"
    )
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the kinds of change with their numbers; the exit status is 0 whether or not anything changed."""
    from pipeline.storage.files.atomic import write_table
    from taxonomy.build.difference import KINDS, diff_taxonomies

    changes = diff_taxonomies(args.before, args.after)
    rows = changes.to_pylist()
    if not rows:
        yield "the two say the same of every usage"
    for kind in KINDS:
        found = [row for row in rows if row["change"] == kind]
        if not found:
            continue
        yield f"{kind}: {len(found):,}"
        for row in found[: args.examples]:
            said = " -> ".join(each for each in (row["before"], row["after"]) if each is not None)
            yield f"  {row['usage_id']}  {row['name']}: {said}"
    if args.out is not None:
        write_table(args.out, changes)
        yield f"{len(rows):,} changes in {args.out}"
