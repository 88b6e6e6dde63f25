"""The command line: thin verbs over the library, one module each in `pipeline.commands`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from manifests import BiomillError
from pipeline.commands import COMMANDS
from pipeline.run import interrupt

logger = logging.getLogger("biomill")
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="biomill", description="From public biodiversity records to training data that can explain every row."
    )
    parser.add_argument("--version", action="version", version=f"biomill {version('biomill')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(commands)
    return parser


def _print(lines: Iterable[str]) -> int:
    """Print the lines as they come; give the exit status that the generator returns."""
    each = iter(lines)
    while True:
        try:
            print(next(each))
        except StopIteration as end:
            return int(end.value or 0)


def _log_to_stderr(debug: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status: 0 well, 1 failed, 2 misused, 130 interrupted."""
    args = _parser().parse_args(argv)
    args.own_process = argv is None  # no caller, who might go on with something else
    _log_to_stderr(getattr(args, "debug", False))
    interrupt.listen()
    try:
        return _print(args.lines(args))
    except BiomillError as error:
        print(f"biomill: {error}", file=sys.stderr)
        return _leave(EXIT_FAILED)
    except KeyboardInterrupt:
        print(
            "biomill: interrupted; finished stages and work units are kept: run the same command again to go on",
            file=sys.stderr,
        )
        return _leave(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
