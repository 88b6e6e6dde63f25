"""`biomill help COMMAND`: the same as `biomill COMMAND --help`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from manifests.nearness import closest
from pipeline.model.errors import UsageError


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("help", help="explain a command, with examples")
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="a command, such as run or taxonomy build")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the help of the named command, or of the program."""
    parser = args.parser
    for word in args.words:
        known = parser.groups()
        if word not in known:
            near = closest(word, known)
            raise UsageError(
                f"{parser.prog} has no command {word!r}",
                expected="one of " + ", ".join(known) if known else "no further word",
                remedy=f"did you mean {near!r}?" if near else "",
            )
        parser = known[word]
    yield parser.format_help().removesuffix("\n")
