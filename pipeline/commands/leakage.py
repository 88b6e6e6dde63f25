"""`biomill leakage`: hash a benchmark, check two sets, compare their taxa, and certify a run."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from manifests import BiomillError, LikenessRules
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus

_DEFAULT = LikenessRules()
_UNREAD = "biomill images PATH says what is wrong with them"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's verbs and their arguments."""
    parser = commands.add_parser("leakage", help="hold a benchmark out: hash it, check for it, certify a run")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    hashing = verbs.add_parser("hash", help="a hash list of images, to be shared in their place")
    hashing.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="folders, .tar, .zip or images")
    hashing.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help=".parquet or .csv")
    hashing.add_argument("--name", default="", help="name of the benchmark (default: of the file)")
    hashing.add_argument("--threads", type=whole(1), default=2, metavar="N", help="that decode images (default 2)")
    add_allow_empty(hashing)
    hashing.set_defaults(lines=hash_lines)

    check = verbs.add_parser("check", help="which training images may be held-out ones; 1 when any is")
    paths = "folders, .tar, .zip, images, hash lists"
    check.add_argument("--train", type=Path, nargs="+", required=True, metavar="PATH", help=paths)
    check.add_argument("--heldout", type=Path, nargs="+", required=True, metavar="PATH", help=paths)
    check.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="for tables and pairs to look at")
    check.add_argument(
        "--distance", type=whole(0, 256), default=_DEFAULT.leak_distance, help="PDQ-256 (default %(default)s)"
    )
    check.add_argument("--phash", type=whole(-1, 31), default=-1, metavar="D", help="compare pHash-64 within D too")
    pair = "an image also leaks when its pHash lies within this distance, and its PDQ within the other"
    for name, bits, default in (
        ("--leak-pair-phash", 31, _DEFAULT.leak_pair_phash),
        ("--leak-pair-pdq", 256, _DEFAULT.leak_pair_pdq),
    ):
        told = f"{pair} (default %(default)s; -1: no such rule)"
        check.add_argument(name, type=whole(-1, bits), default=default, metavar="D", help=told)
    for name, bits, default in (("--review-phash", 31, 12), ("--review-pdq", 256, 100)):
        told = "list for review what is no leak but lies within both of these distances (default %(default)s; -1: none)"
        check.add_argument(name, type=whole(-1, bits), default=default, metavar="D", help=told)
    check.add_argument("--threads", type=whole(1), default=2, metavar="N", help="that decode images (default 2)")
    add_allow_empty(check)
    check.set_defaults(lines=check_lines)

    taxa = verbs.add_parser("taxa", help="held-out classes whose accepted species is trained on; 1 when any is")
    taxa.add_argument(
        "--heldout", type=Path, required=True, metavar="FILE", help=".csv, .csv.gz, .tsv or .txt of names"
    )
    taxa.add_argument("--train", type=Path, required=True, metavar="FILE", help="names that are trained on, likewise")
    taxa.add_argument("--taxonomy", type=Path, metavar="DIR", help="a built taxonomy, for synonyms")
    taxa.add_argument("--column", action="append", default=[], help="column of the names (default: one named as such)")
    taxa.set_defaults(lines=taxa_lines)

    certify = verbs.add_parser("certify", help="state a run's guarantee and prove it; 1 when it does not hold")
    certify.add_argument("run", type=run_place, help="folder of a finished run")
    certify.add_argument("-o", "--out", type=Path, metavar="DIR", help="write statement and evidence there")
    certify.set_defaults(lines=certify_lines)


def hash_lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Write the hash list, and say what could not be hashed."""
    from dedup import HASH_LIST_SCHEMA, write_hash_list
    from pipeline.likeness.hashing import hash_set

    table = hash_set(args.paths, args.name or args.out.stem, threads=args.threads)
    write_hash_list(args.out, table.select(HASH_LIST_SCHEMA.names))
    rows = table.select(["item", "outcome", "quality"]).to_pylist()
    failed = [row for row in rows if row["outcome"]]
    low = sum(row["outcome"] is None and (row["quality"] or 0) < _DEFAULT.minimum_quality for row in rows)
    for row in failed[:20]:
        yield f"not hashed  {row['item']}: {row['outcome']}"
    yield (
        f"{args.out}: {len(rows):,} images, {len(rows) - len(failed):,} hashed, {low:,} of them with too little "
        f"information, {len(failed):,} not"
    )
    if len(failed) == len(rows):
        return (yield from nothing("no image was hashed, so the list holds nothing out", _UNREAD, args))
    return ExitStatus.DONE


def check_lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Search, write tables and pairs to look at, and print the counts."""
    from dedup import plan_bands
    from pipeline.likeness.check import REVIEW, check_leaks
    from pipeline.likeness.evidence import leak_sheets
    from pipeline.likeness.hashing import hash_set
    from pipeline.model.text_table import table_lines
    from pipeline.storage.files.atomic import write_table

    rules = LikenessRules(
        leak_distance=args.distance,
        leak_phash_distance=args.phash,
        leak_pair_phash=args.leak_pair_phash,
        leak_pair_pdq=args.leak_pair_pdq,
    )
    review = args.review_phash, args.review_pdq
    for bits, distance in ((256, args.distance), *((64, d) for d in (args.phash, args.leak_pair_phash, review[0]))):
        if distance >= 0:
            plan_bands(bits, distance)  # refuses what is no likeness, before any image is hashed
    train = hash_set(args.train, turned=False, threads=args.threads)
    heldout = hash_set(args.heldout, threads=args.threads)
    report = check_leaks(train, heldout, rules, review)
    write_table(args.out / "leaks.parquet", report.leaks)
    write_table(args.out / "items.parquet", report.items)
    pages = leak_sheets(args.out, report)
    counts: dict[tuple[str, str], int] = {}
    for row in report.leaks.to_pylist():
        counts[row["decision"], row["rule"]] = counts.get((row["decision"], row["rule"]), 0) + 1
    clean = train.num_rows - report.leaks.num_rows
    table = [["clean", "", clean], *([*key, number] for key, number in sorted(counts.items()))]
    yield from table_lines(["training images", "by", "count"], table)
    states = [[state, report.state(state)] for state in ("leaked", "clean", "not_covered")]
    yield from table_lines(["held-out images", "count"], states)
    yield f"{report.state('leaked'):,} of the {report.items.num_rows:,} held-out images are leaked by training images"
    only = report.count(REVIEW)
    if min(review) >= 0:
        where = ": decision 'review' in leaks.parquet, last in leaks.html" if only else ""
        yield (
            f"{only:,} training images are only for review: no rule calls them leaks, yet they lie within pHash "
            f"{review[0]} and PDQ {review[1]} of a held-out one{where}"
        )
    yield f"tables and {pages[-1].name} in {args.out}"
    for what, table_of in (("training", train), ("held-out", heldout)):
        hashed = table_of["outcome"].null_count
        # Equal bytes are found without a hash.
        if hashed == 0 and report.leaks.num_rows == report.count("leak_unknown"):
            return (yield from nothing(f"no {what} image was hashed, so nothing was compared", _UNREAD, args))
        if 2 * hashed < table_of.num_rows:
            yield f"{table_of.num_rows - hashed:,} of {table_of.num_rows:,} {what} images were not hashed: {_UNREAD}"
    return int(report.leaks.num_rows > only)


def taxa_lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Print every held-out class whose accepted species is trained on, and their number."""
    from pipeline.likeness.taxa import overlap, species_keys
    from pipeline.lists.taxon_lists import read_taxa
    from taxonomy import Taxonomy

    taxonomy = Taxonomy.open(args.taxonomy) if args.taxonomy else None
    held, train = (read_taxa(path, args.column) for path in (args.heldout, args.train))
    if not held or not train:
        raise BiomillError("there are no names", where=str(args.heldout if not held else args.train))
    found = overlap(held, train, taxonomy)
    for each in found:
        yield f"{each.taxon}: trained as {each.trained_as}"
    high = species_keys(sorted(set(held)), taxonomy).count("")
    yield (
        f"{len(found):,} of {len(set(held)):,} held-out classes are of a species that is trained on; {high:,} are no "
        "species and hold nothing out by name"
    )
    return int(bool(found))


def certify_lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Print the statement, sentence by sentence, and return 1 when a part of it does not hold."""
    from pipeline.likeness.certificate import certify
    from pipeline.likeness.run_evidence import run_sheets
    from pipeline.storage.files.atomic import write_text

    parts = list(certify(args.run))
    said = [f"{'holds' if part.holds else 'FAILS'}  {part.sentence}" for part in parts]
    yield from said
    if args.out is not None:
        write_text(args.out / "statement.txt", "\n".join([*said, ""]))
        for page in run_sheets(args.run, args.out):
            yield f"wrote {page.name}"
    broken = sum(not part.holds for part in parts)
    yield "certified" if not broken else f"{broken} of {len(parts)} sentences do not hold"
    return int(broken > 0)
