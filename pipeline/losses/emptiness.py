"""What every command that makes something does when it made nothing: says so, and does not call it a success."""

from __future__ import annotations

import argparse
from collections.abc import Generator

from pipeline.model.exit_status import ExitStatus

ALLOW_EMPTY = "an empty result is no success: exit status 4; --allow-empty says that it is meant"


def add_allow_empty(parser: argparse.ArgumentParser) -> None:
    """Add the option that calls an empty result a success."""
    parser.add_argument(
        "--allow-empty", action="store_true", help="an empty result is meant: exit status 0 in the place of 4"
    )


def nothing(what: str, remedy: str, args: argparse.Namespace) -> Generator[str, None, ExitStatus]:
    """Yield the lines that say that nothing came out and what to change, and return the command's exit status.

    >>> list(nothing("no image was stored", "see the outcomes above", argparse.Namespace(allow_empty=True)))
    ['no image was stored: see the outcomes above']
    """
    yield f"{what}: {remedy}"
    if getattr(args, "allow_empty", False):
        return ExitStatus.DONE
    yield ALLOW_EMPTY
    return ExitStatus.NOTHING_KEPT
