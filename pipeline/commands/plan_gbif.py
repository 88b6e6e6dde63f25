"""`biomill plan-gbif PATH [--json]`: count a GBIF table without media, and write what to ask for with them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.options.json_document import add_json_option, json_document

_SHOWN = 12


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "plan-gbif", help="count a SIMPLE_CSV, SIMPLE_PARQUET or snapshot, and write what to ask a DWCA for"
    )
    parser.add_argument("path", type=Path, help="zip, folder or single table")
    parser.add_argument("-o", "--out", type=Path, help="folder for predicate-000.json ... and plan.json")
    parser.add_argument("--by", default="ids", choices=("ids", "datasets"), help="name records (exact) or datasets")
    parser.add_argument("--media-type", default="StillImage", help="StillImage (default), Sound or MovingImage")
    for name, example in (("licence", "CC_BY_4_0"), ("basis", "HUMAN_OBSERVATION"), ("kingdom", "Plantae")):
        parser.add_argument(f"--{name}", action="append", default=[], metavar=example, help="only these; repeatable")
    add_json_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Count, write, and give the lines to print; raises SourceError and PullError."""
    from pipeline.model.errors import UsageError
    from pipeline.pull.planning import plan_predicates, plan_summary
    from pipeline.sources.darwin_core.gbif_simple import Wanted, count_simple
    from pipeline.storage.files.atomic import write_json

    if not args.media_type.isalpha():
        raise UsageError(f"no such media type: {args.media_type!r}", expected="StillImage, Sound, MovingImage")
    want = Wanted(args.media_type, tuple(args.licence), tuple(args.basis), tuple(args.kingdom))
    counts = count_simple(args.path, want)
    summary = plan_summary(counts)
    names, commands = [], []
    if args.out is not None:
        predicates = plan_predicates(counts, want, args.by)
        names = [f"predicate-{number:03d}.json" for number in range(len(predicates))]
        commands = [f"biomill pull gbif --predicate {args.out / n} -o {args.out / Path(n).stem}" for n in names]
        for name, predicate in zip(names, predicates, strict=True):
            write_json(args.out / name, predicate)
        write_json(args.out / "plan.json", {**summary, "predicates": names, "exact": args.by == "ids"})
    if args.json:
        written = {"out": args.out, "exact": args.by == "ids", "predicates": names, "commands": commands}
        yield json_document("plan-gbif", 1, {**summary, **written})
        return
    for name, values in summary["by"].items():
        yield f"{name:<24} {'rows':>13} {'wanted':>13}"
        for row in values[:_SHOWN]:
            yield f"  {row['value'] or '(none)':<22} {row['rows']:>13,} {row['wanted']:>13,}"
        if len(values) > _SHOWN:
            yield f"  and {len(values) - _SHOWN} more"
    wanted = f"{counts.wanted:,} wanted of {len(counts.datasets):,} datasets"
    yield f"{counts.rows:,} rows, {counts.malformed:,} malformed; {wanted}"
    yield from commands
