"""`biomill verify OUT`: check everything a run promises."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.withdraw import add_withdraw_option


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("verify", help="check everything a run promises")
    parser.add_argument("out", type=Path)
    add_withdraw_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Give a line per check, and return 1 when one of them failed."""
    from pipeline.verify import verify

    findings = 0
    for check in verify(args.out, args.withdraw):
        yield f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}"
        findings += not check.ok
    yield "verified" if not findings else f"{findings} finding{'s' * (findings > 1)}"
    return int(findings > 0)
