"""`biomill taxonomy parse`: what kind of string each name is, and its parts."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

FIELDS = (
    "verbatim", "kind", "canonical", "genus", "infrageneric", "specific_epithet", "infraspecific_epithet", "rank",
    "authorship", "year", "qualifier", "cultivar", "notho", "parents", "otu", "code", "note", "doubtful", "full",
    "type",
)  # fmt: skip


def parsed_row(name: str, authorship: str = "", rank: str = "") -> dict[str, Any]:
    """Return one name as a row of FIELDS.

    >>> row = parsed_row("Parus cf. major L., 1758")
    >>> row["kind"], row["canonical"], row["qualifier"], row["type"]
    ('informal', 'Parus major', 'cf.', 'INFORMAL')
    """
    from taxonomy import parse_name

    parsed = parse_name(name, authorship, rank)
    known = {field: getattr(parsed, field) for field in FIELDS[1:-1]}
    return {"verbatim": name, **known, "parents": list(parsed.parents), "type": parsed.name_type}


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser("parse", help="what kind of string each name is, and its parts")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE|-",
        help="one name per line, or a .csv, .tsv or .parquet with scientificName; - reads lines from standard input",
    )
    parser.add_argument("--column", default="", help="column with the names (default: one called as Darwin Core does)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per name instead of CSV")
    parser.set_defaults(lines=lines, for_programs=True)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the parsed names in the order of the input, as CSV with a header or as JSON lines."""
    from pipeline.commands.taxonomy.name_table import read_names

    names = read_names(args.file, args.column)
    first = next(names, None)  # a file that cannot be read says so before the header is printed
    if not args.json:
        yield ",".join(FIELDS)
    for name, authorship, rank in chain(() if first is None else (first,), names):
        row = parsed_row(name, authorship, rank)
        if args.json:
            yield json.dumps(row, ensure_ascii=False)
            continue
        buffer = io.StringIO()
        row["parents"], row["doubtful"] = " × ".join(row["parents"]), str(row["doubtful"]).lower()
        csv.writer(buffer, lineterminator="").writerow(row.values())
        yield buffer.getvalue()
