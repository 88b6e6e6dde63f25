"""`biomill export RUN -o OUT`: a part of a run, in the layout that a training script reads."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.options.run_place import run_place
from pipeline.commands.withdraw import add_withdraw_option
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("export", help="a part of a run as shards, class folders, COCO, YOLO, Hugging Face")
    parser.add_argument("run", type=run_place, help="folder of a finished run")
    parser.add_argument("-o", "--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--format", default="shards", help="shards (default), folders, coco, yolo or hugging-face")
    parser.add_argument("--where", default="", metavar="CONDITION", help="SQL over the columns of samples")
    parser.add_argument("--sql", default="", metavar="QUESTION", help="instead: a SELECT with a column key")
    parser.add_argument(
        "--classes",
        default="species",
        metavar="LEVEL",
        help="what a class is: a rank (default species), or accepted, each accepted taxon whatever its rank",
    )
    parser.add_argument(
        "--empty-classes",
        action="store_true",
        help="of folders: every split has the folders of all classes, empty where it has no image of one",
    )
    add_withdraw_option(parser, "; its samples are left out")
    add_allow_empty(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Export, and give what left, what was refused and why."""
    from pipeline.export import export
    from pipeline.losses.run_losses import rows_left
    from pipeline.storage.run_folder import RunFolder

    folder = RunFolder(args.run)
    folder.require("catalog")
    if not rows_left(folder):
        return (yield from nothing("no image was exported", "the run kept none; it says itself what to change", args))
    done = export(
        args.run, args.out, args.format, args.where, args.sql, args.classes, args.empty_classes, args.withdraw
    )
    yield f"{done.exported:,} of {done.asked:,} chosen samples exported to {args.out}"
    for name, samples in sorted(done.files.items()):
        yield f"  {name}: {samples:,}"
    if done.withdrawals:
        yield f"withdrawals: {done.withdrawals}"
    for reason, samples in done.refused.items():
        yield f"refused, {reason}: {samples:,} (see refused.csv)"
    if done.unclassed:
        wider = "--classes accepted, or a higher rank, takes them" if args.classes != "accepted" else ""
        yield f"without a {args.classes}, left out: {done.unclassed:,}" + (f" ({wider})" if wider else "")
    if done.exported:
        return ExitStatus.DONE
    return (yield from nothing("no image was exported", "refused.csv says of every chosen one why", args))
