"""`biomill taxonomy resolve FILE -o OUT`: what the names of a table mean."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.taxonomy.opened import add_taxonomy, opened


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser("resolve", help="resolve the names of a CSV, TSV or Parquet table")
    parser.add_argument(
        "file", type=Path, help="table with scientificName, and where known taxonRank, kingdom, family …"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help=".parquet, .csv, .tsv or .jsonl")
    add_taxonomy(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Resolve the file, and give the number of rows by match type."""
    from taxonomy.match.resolving import resolve_file
    from taxonomy.match.tables import Malformed

    malformed = Malformed()

    with opened(args) as taxonomy:
        counts = resolve_file(taxonomy, args.file, args.out, malformed)
        build = taxonomy.build_id
    for match_type, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        yield f"{count:>9,}  {match_type}"
    if malformed.count:
        places = ", ".join(map(str, malformed.first))
        yield f"left out: {malformed.count:,} rows without the columns of the header, the first ones at row {places}"
    yield f"{sum(counts.values()) - malformed.count:>9,}  rows in {args.out}, against taxonomy {build[:12]}"
