"""`biomill report RUN [-o FILE] [--figures DIR] [--open]`: the report of a finished run, made anew."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("report", help="the report of a finished run, made anew")
    parser.add_argument("run", type=run_place, help="folder of a run")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write it here, and leave the run as it is")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write every figure as an SVG file, too")
    parser.add_argument("--open", action="store_true", help="show it in a browser")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield where the report is.

    Raises RunError when the run is not finished or a file of it is gone, UsageError when a report at an address is
    to be opened.
    """
    import duckdb

    from pipeline.cards import REPORT, make_report
    from pipeline.catalog import open_catalog
    from pipeline.catalog.asked import lost_files
    from pipeline.model.errors import UsageError
    from pipeline.storage.places import Place
    from pipeline.storage.run_folder import RunFolder
    from pipeline.storage.standing import stand

    folder = RunFolder(args.run.absolute())
    page: Place = args.out or folder.root / REPORT
    if args.open and not isinstance(page, Path):
        raise UsageError(
            "a browser opens files of this machine",
            where=str(page),
            expected="a report on a disk",
            remedy="write it here: -o report.html --open",
        )
    with open_catalog(folder.root) as con:
        try:
            made = make_report(con, folder.root, folder.recipe(), args.out, args.figures)
        except duckdb.IOException as error:
            raise lost_files(stand(folder), error) from error
    yield f"report    {page}"
    if args.figures:
        yield f"figures   {args.figures} ({made:,} files)"
    if args.open and isinstance(page, Path):
        import webbrowser

        webbrowser.open(page.absolute().as_uri())
