"""`biomill verify OUT [--json]`: check everything a run promises."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.json_document import add_json_option, json_document
from pipeline.commands.withdraw import add_withdraw_option


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("verify", help="check everything a run promises")
    parser.add_argument("out", type=Path, help="folder of a run")
    add_json_option(parser)
    add_withdraw_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Give a line per check, and return 1 when one of them failed."""
    from pipeline.verify import verify

    findings = 0
    checks = []
    for check in verify(args.out, withdraw=args.withdraw):
        findings += not check.ok
        if args.json:
            checks.append(check)
        else:
            yield f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}"
    if args.json:
        facts = {"folder": args.out.absolute(), "ok": not findings, "findings": findings, "checks": checks}
        yield json_document("verify", 1, facts)
    else:
        yield "verified" if not findings else f"{findings} finding{'s' * (findings > 1)}"
    return int(findings > 0)
