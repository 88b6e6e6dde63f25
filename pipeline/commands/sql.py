"""`biomill sql OUT "SELECT …"`: question the catalog."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("sql", help="question the catalog of a run")
    parser.add_argument("out", type=Path, help="folder of a run")
    parser.add_argument("query", help="a question in SQL; docs/catalog.md is a cookbook")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default table")
    parser.add_argument("--write", action="store_true", help="let the query make tables and views in the catalog")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Give the answer in the format that is asked for."""
    from pipeline.report import query_lines

    yield from query_lines(args.out, args.query, args.format, args.write)
