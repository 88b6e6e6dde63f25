"""`biomill inspect PATH [--json]`: what a release is and what is in it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.options.json_document import add_json_option, json_document


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("inspect", help="what a release is: tables, rows, orphans, issues, licences, hosts")
    parser.add_argument("path", type=Path, help="a release file, archive or folder, as its provider publishes it")
    add_json_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the lines to print; raises SourceError when the path is of no known kind or damaged."""
    from pipeline import inspection
    from pipeline.model.visible import on_one_line

    findings = inspection.inspect_release(args.path)
    if args.json:
        source = inspection.source_entry(findings, args.path)
        yield json_document("inspect", 1, {**findings.as_json(), "source": source})
    else:
        yield from map(on_one_line, inspection.lines(findings))
