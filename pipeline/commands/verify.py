"""`biomill verify OUT [--json]`: check everything a run promises."""

from __future__ import annotations

import argparse
from collections.abc import Generator

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.run_place import run_place
from pipeline.commands.withdraw import add_withdraw_option
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("verify", help="check everything a run promises")
    parser.add_argument("out", type=run_place, help="folder of a run")
    add_json_option(parser)
    add_withdraw_option(parser)
    add_allow_empty(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Yield a line per check, and return FAILED when one of them failed, NOTHING_KEPT when nothing was kept."""
    from pipeline.losses.run_losses import rows_left
    from pipeline.storage.run_folder import RunFolder
    from pipeline.verify import verify

    findings = 0
    checks = []
    for check in verify(args.out, withdraw=args.withdraw):
        findings += not check.ok
        if args.json:
            checks.append(check)
        else:
            yield f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}"
    kept = rows_left(RunFolder(args.out))
    if args.json:
        facts = {
            "folder": args.out.absolute(),
            "ok": not findings,
            "findings": findings,
            "kept": kept,
            "checks": checks,
        }
        yield json_document("verify", 1, facts)
    elif findings:
        yield f"{findings} finding{'s' * (findings > 1)}"
    elif kept:
        yield "verified"
    else:
        return (
            yield from nothing(
                "every check holds, of no image", "the run's README.md says what was lost, and what changes it", args
            )
        )
    if findings:
        return ExitStatus.FAILED
    return ExitStatus.DONE if kept or args.allow_empty else ExitStatus.NOTHING_KEPT
