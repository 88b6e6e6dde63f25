"""The command line: thin verbs over the library, one module each in `pipeline.commands`."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
import threading
from collections.abc import Iterable, Sequence

from manifests import BiomillError, RecipeError
from pipeline.commands import COMMANDS, command_module
from pipeline.commands.completion import answer_shell, asked_by_shell
from pipeline.commands.examples import add_examples
from pipeline.commands.options.arguments import Parser
from pipeline.commands.options.live_lines import end_live_line, log_handler
from pipeline.commands.options.outputs import check_output
from pipeline.engine import interrupt
from pipeline.model.errors import EmptyResultError, MissingExtraError, NetworkLostError, UnitsFailedError, UsageError
from pipeline.model.exit_status import ExitStatus
from pipeline.model.visible import visible

logger = logging.getLogger("biomill")
_DATA = ("csv", "newick")
"""Values of --format whose lines are data for programs."""


class _Version(argparse.Action):
    """Print the version and end; it is looked up when it is asked for, as that reads the installed files' list."""

    def __call__(self, parser: argparse.ArgumentParser, *_given: object) -> None:
        from importlib.metadata import version

        print(f"{parser.prog} {version('biomill')}")
        parser.exit()


def _parser(names: Sequence[str] = COMMANDS) -> Parser:
    """Return the parser of the program with these commands."""
    parser = Parser(
        prog="biomill",
        description="From public biodiversity records to training data that can explain every row.",
        epilog="`biomill help COMMAND` explains a command, with examples. Exit statuses: docs/commands.md.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names:
        command_module(name).register(commands)
    add_examples(parser)
    parser.set_defaults(parser=parser)
    return parser


def _print(lines: Iterable[str], whole: bool) -> int:
    """Print the lines as they come; give the exit status that the generator returns.

    What a record says steers no terminal: its control characters are printed as escapes, which in JSON say the same.
    `whole`: data for programs, which a pipe carries as they are.
    """
    each = iter(lines)
    while True:
        try:
            line = next(each)
            end_live_line()
            print(line if whole else visible(line))
        except StopIteration as end:
            return int(end.value or 0)


class _Formatter(logging.Formatter):
    """Messages, and what records and hosts say in them, as people may see them."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def _log_to_stderr(debug: bool) -> None:
    handler = log_handler()
    handler.setFormatter(_Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
    # Beam's import warns about parts that are not installed, through the root logger.
    logging.getLogger().setLevel(logging.ERROR)


def _leave(code: int) -> int:
    """End the process even where a broken pipeline left threads behind that wait for ever."""
    waiting = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    if code and waiting:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def status_of(error: BiomillError) -> ExitStatus:
    """Return the exit status that an error ends a command with.

    >>> status_of(RecipeError("no name")).name, status_of(BiomillError("no file")).name
    ('MISUSED', 'FAILED')
    """
    if isinstance(error, NetworkLostError):
        return ExitStatus.NETWORK_LOST
    if isinstance(error, UnitsFailedError):
        return ExitStatus.PARTLY
    if isinstance(error, EmptyResultError):
        return ExitStatus.NOTHING_KEPT
    if isinstance(error, RecipeError | UsageError | MissingExtraError):
        return ExitStatus.MISUSED
    return ExitStatus.FAILED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status, one of `ExitStatus`."""
    typed = list(sys.argv[1:] if argv is None else argv)
    # The modules of the other commands would only be loaded; help and completion speak of all of them.
    alone = typed and typed[0] in COMMANDS and typed[0] != "help" and not asked_by_shell()
    parser = _parser(typed[:1] if alone else COMMANDS)
    answer_shell(parser)
    try:
        args = parser.parse_args(typed)
    except BiomillError as error:  # of an argument that names a place
        print(visible(f"biomill: {error}"), file=sys.stderr)
        return status_of(error)
    args.typed = shlex.join(["biomill", *typed])
    args.own_process = argv is None  # no caller, who might go on with something else
    if args.own_process:
        # Before NumPy is loaded, whose matrices here are small: threads of OpenBLAS take 0.1 s and give nothing.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        if getattr(args, "no_frames", False):
            from pipeline.engine.lean import refuse_pandas

            refuse_pandas()
    _log_to_stderr(getattr(args, "debug", False))
    interrupt.listen()
    try:
        check_output(args)
        data = getattr(args, "for_programs", False) or getattr(args, "format", "") in _DATA
        with interrupt.heard():
            try:
                return _print(args.lines(args), data and not sys.stdout.isatty())
            finally:
                end_live_line()
    except BiomillError as error:
        status = status_of(error)
        go_on = f"\n  go on:  {args.typed}" if status == ExitStatus.NETWORK_LOST else ""
        print(visible(f"biomill: {error}{go_on}"), file=sys.stderr)
        return _leave(status)
    except KeyboardInterrupt:
        print(
            "biomill: interrupted; finished stages and work units are kept: run the same command again to go on",
            file=sys.stderr,
        )
        return _leave(ExitStatus.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.DONE
    except OSError as error:
        if getattr(args, "debug", False):
            raise
        where = f"\n  where:  {error.filename}" if error.filename else ""
        print(visible(f"biomill: {error.strerror or error}{where}"), file=sys.stderr)
        return _leave(ExitStatus.FAILED)


if __name__ == "__main__":
    sys.exit(main())
