"""`biomill export RUN -o OUT`: a part of a run, in the layout that a training script reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.withdraw import add_withdraw_option


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("export", help="a part of a run as shards, class folders, COCO, YOLO, Hugging Face")
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--format", default="shards", help="shards (default), folders, coco, yolo or hugging-face")
    parser.add_argument("--where", default="", metavar="CONDITION", help="SQL over the columns of samples")
    parser.add_argument("--sql", default="", metavar="QUESTION", help="instead: a SELECT with a column key")
    parser.add_argument("--classes", default="accepted", metavar="LEVEL", help="accepted (default), or a rank")
    add_withdraw_option(parser, "; its samples are left out")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Export, and give what left, what was refused and why."""
    from pipeline.export import export

    done = export(args.run, args.out, args.format, args.where, args.sql, args.classes, args.withdraw)
    yield f"{done.exported:,} of {done.asked:,} chosen samples exported to {args.out}"
    for name, samples in sorted(done.files.items()):
        yield f"  {name}: {samples:,}"
    if done.withdrawals:
        yield f"withdrawals: {done.withdrawals}"
    for reason, samples in done.refused.items():
        yield f"refused, {reason}: {samples:,} (see refused.csv)"
    if done.unclassed:
        yield f"without a {args.classes}: {done.unclassed:,}"
