"""`biomill sql OUT "SELECT …"`: question a run, finished or not."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.options.run_place import run_place
from pipeline.model.exit_status import ExitStatus

logger = logging.getLogger("biomill")
_EXAMPLES = """the question is one argument, a file (-f), standard input (-), or typed at a prompt:
  biomill sql out/mine "SELECT accepted_name, images FROM taxa LIMIT 5"
  biomill sql out/mine -f questions.sql --format box
  echo "FROM funnel()" | biomill sql out/mine - --format csv
  biomill sql out/mine "FROM attribution" -o credits.parquet
  biomill sql out/mine
The answer goes to standard output, how many rows it has to standard error. docs/catalog.md is a cookbook."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "sql",
        help="question a run, finished or not",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=run_place, help="folder of the run")
    parser.add_argument(
        "query", nargs="?", help="SQL, statements with semicolons between them; -: standard input; none: a prompt"
    )
    parser.add_argument("-f", "--file", type=Path, metavar="FILE", help="read the SQL from this file")
    parser.add_argument(
        "--format",
        choices=("table", "box", "csv", "json", "jsonl", "markdown", "parquet"),
        help="of the answer: by the ending of -o, else table; parquet needs -o",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the answer to this file, whole or not at all"
    )
    parser.add_argument(
        "--write", action="store_true", help="let the SQL make tables and views in a finished run's catalog"
    )
    parser.set_defaults(lines=lines, misused=parser.error, no_frames=True)
    parser.any_order = True  # type: ignore[attr-defined]


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Yield the answers in the format that is asked for; the status is 130 after Ctrl-C."""
    from pipeline.query import answers

    if args.query is not None and args.file is not None:
        args.misused("the question is given twice: as an argument and with -f")
    if args.format == "parquet" and args.output is None:
        args.misused("parquet is no text for a terminal or a pipe: name a file with -o")
    typed = args.query is None and args.file is None and sys.stdin.isatty()
    if typed and (args.output is not None or not sys.stdout.isatty()):
        args.misused("what is asked? give SQL, -f FILE, or - to read it from standard input")
    try:
        if typed:
            from pipeline.query import prompt

            return prompt(args.out, args.format or "table", args.write, _room)
        form = args.format or ("" if args.output is not None else "table")
        yield from answers(args.out, _text(args), form, args.write, _room(), args.output)
    except KeyboardInterrupt:
        logger.info("biomill: interrupted")
        return int(ExitStatus.INTERRUPTED)
    return 0


def _text(args: argparse.Namespace) -> str:
    from pipeline.model.errors import RunError

    if args.query not in (None, "-"):
        return str(args.query)
    if args.file is None or str(args.file) == "-":
        return sys.stdin.read()
    try:
        return str(args.file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(
            f"the SQL cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(args.file),
            expected="a text file, in UTF-8",
        ) from error


def _room() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
