"""`biomill dedup PATH... -o DIR`: duplicates among the images of folders, tars, zips, or a hash list."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Generator
from pathlib import Path

from manifests import BiomillError, LikenessRules
from pipeline.commands.options.numbers import whole
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus

_DEFAULT = LikenessRules()
_UNREAD = (
    "decisions.parquet says of every image why; biomill images PATH says what is wrong with those that are unreadable"
)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("dedup", help="find duplicates among images, and decide which to keep")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="folders, .tar, .zip, images, hash lists")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="folder for tables and sheets")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="columns item and label, and/or group")
    parser.add_argument(
        "--distance", type=whole(0, 256), default=_DEFAULT.duplicate_distance, help="bits of PDQ (default %(default)s)"
    )
    parser.add_argument(
        "--residual", type=float, default=_DEFAULT.duplicate_residual, help="grey levels (default %(default)s)"
    )
    parser.add_argument(
        "--review",
        type=whole(0, 256),
        metavar="D",
        help="also list pairs of kept images within D bits, for a person to judge",
    )
    parser.add_argument("--threads", type=whole(1), default=2, metavar="N", help="that decode images (default 2)")
    add_allow_empty(parser)
    parser.set_defaults(lines=lines, no_frames=True)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Hash, decide, write tables and contact sheets, and print what was found."""
    import pyarrow as pa

    from pipeline.likeness.deduplicate import UNREADABLE, find_duplicates
    from pipeline.likeness.evidence import cluster_sheets
    from pipeline.likeness.hashing import hash_set
    from pipeline.model.text_table import table_lines
    from pipeline.storage.files.atomic import write_table

    rules = LikenessRules(duplicate_distance=args.distance, duplicate_residual=args.residual)
    images = hash_set(args.paths, turned=False, threads=args.threads)
    labels, group_of = read_labels(args.labels, images["item"].to_pylist()) if args.labels else ({}, {})
    found = find_duplicates(images, rules, labels, group_of)
    write_table(args.out / "decisions.parquet", found.decisions)
    write_table(args.out / "pairs.parquet", found.pairs)
    for decision in ("kept", "dropped"):
        rows = [row for row in found.decisions.to_pylist() if row["decision"] == decision]
        write_table(args.out / f"{decision}.parquet", pa.Table.from_pylist(rows, found.decisions.schema))
    sheets = cluster_sheets(args.out, images, found.decisions)
    outcomes = ("kept", "exact_duplicate", "near_duplicate", "label_conflict", UNREADABLE)
    yield from table_lines(["outcome", "images"], [[name, found.count(name)] for name in outcomes])
    exact = _groups(images["sha256"].to_pylist())
    yield (
        f"{exact:,} groups of equal bytes, {found.pairs.num_rows:,} pairs listed within {args.distance}, of which "
        + (f"{sum(found.pairs['verified'].to_pylist()):,} verified")
    )
    if args.review is not None:
        from pipeline.likeness.review import review_pairs, review_sheets

        waiting = review_pairs(images, found.decisions, args.review, rules.minimum_quality)
        write_table(args.out / "review.parquet", waiting)
        review_sheets(args.out, images, waiting)
        yield f"{waiting.num_rows:,} pairs of kept images within {args.review} to look at: review.parquet, review.html"
    groups = {group for group in group_of.values() if group}
    if groups:
        yield f"{len(groups):,} groups of images that belong together"
    yield f"tables and {sheets[-1].name} in {args.out}"
    if found.count("kept"):
        return ExitStatus.DONE
    return (yield from nothing("no image was kept", _UNREAD, args))


def _groups(digests: list[str | None]) -> int:
    counts: dict[str, int] = {}
    for digest in digests:
        if digest:
            counts[digest] = counts.get(digest, 0) + 1
    return sum(count > 1 for count in counts.values())


def read_labels(path: Path, items: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Read labels and groups by item: the item's whole name, or the last part of it where that is unique.

    Raises BiomillError: no column item, neither label nor group, or rows of which none names an image.
    """
    by_tail: dict[str, list[str]] = {}
    for item in items:
        by_tail.setdefault(item.replace("!", "/").rpartition("/")[2], []).append(item)
    known = set(items)
    labels: dict[str, str] = {}
    group_of: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        header = reader.fieldnames or []
        if "item" not in header or not {"label", "group"} & set(header):
            raise BiomillError(
                f"the columns are {', '.join(header) or 'none'}",
                where=str(path),
                expected="item, and label or group",
                remedy="rename the columns",
            )
        for row in reader:
            name = (row["item"] or "").strip()
            tails = by_tail.get(name.rpartition("/")[2], [])
            item = name if name in known else tails[0] if len(tails) == 1 else ""
            if item and (row.get("label") or "").strip():
                labels[item] = row["label"].strip()
            if item and (row.get("group") or "").strip():
                group_of[item] = row["group"].strip()
    if not labels and not group_of:
        raise BiomillError(
            "no row names one of the images",
            where=str(path),
            expected=f"items such as {items[0]}",
            remedy="write the items as decisions.parquet names them",
        )
    return labels, group_of
