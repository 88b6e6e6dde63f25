"""Plant faults in copies of a finished run, and see whether `verify` finds and names them all.

    python -m tests.conformance.planted_faults RUN --seed 1            groups of faults, some minutes
    python -m tests.conformance.planted_faults RUN --seed 1 --apart    every fault alone, the better part of an hour

Which columns, keys, views, files and header fields there are is read from the run, so that new ones are planted in as
well; which row, which value and which byte is drawn by the seed. What tells of a fault is forged along: nothing, or
both checksums.sha256, or these and the stages' notes and the cards as well. Every fault is planted under one of them,
the next one with every seed, and together with others, unless it hides them; `--apart` plants each alone, under each.
A fault counts as found when one finding says its words.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from random import Random

from pipeline.verify import verify
from tests.conformance.planting.catalog import card_faults, catalog_faults
from tests.conformance.planting.files import file_faults, text_faults
from tests.conformance.planting.forgery import FORGERIES, Fault, forge, linked_copy
from tests.conformance.planting.tables import attribution_faults, manifest_faults, stage_faults
from tests.conformance.planting.tars import header_faults, json_faults, member_faults

GROUPS = (
    manifest_faults,
    header_faults,
    json_faults,
    member_faults,
    text_faults,
    file_faults,
    catalog_faults,
    card_faults,
    attribution_faults,
    stage_faults,
)


TOGETHER: tuple[tuple[str, ...], ...] = (
    (
        "manifest.parquet, column",
        "view, another query",
        "macro",
        "table, other",
        "comment",
        "ATTRIBUTION.parquet, column",
    ),
    ("tar header", "tar, between", "idx", "sizes.json, a count", "croissant.json, sha256", "croissant.json, content"),
    ("key of the JSON", "checksums.sha256, a digest"),
    ("member", "croissant.json, key"),
    ("stray file", "card, a digit"),
    ("file of shards/ missing", "card, missing"),
    ("file of shards/ empty", "card, empty", "view, taken out"),
    ("file of shards/ cut short", "card, a line less"),
    ("file of shards/ a byte flipped", "card, a word"),
    ("table of a stage",),
)
"""How the kinds begin that are planted together, as they hide nothing of one another."""
_OF_CATALOG = ("view", "macro", "table, ", "comment")


def all_faults(run: Path) -> list[Fault]:
    """Return every fault that a run can have."""
    return list(chain.from_iterable(group(run) for group in GROUPS))


def together(faults: Iterable[Fault], apart: bool = False) -> list[list[Fault]]:
    """Cut faults into groups that are planted together: those that hide nothing of each other, the others alone."""
    groups: dict[str, list[Fault]] = {}
    for number, fault in enumerate(faults):
        kinds = next((each for each in TOGETHER if fault.kind.startswith(each)), (fault.kind,))
        name = f"{number}" if fault.alone or apart else kinds[0]
        groups.setdefault(name, []).append(fault)
    return list(groups.values())


def under(faults: Iterable[Fault], forgery: str, seed: int, apart: bool = False) -> list[Fault]:
    """Return the faults that are planted under a forgery with a seed: those whose turn it is."""
    chosen = []
    for number, fault in enumerate(faults):
        turn = fault.forgeries[(seed + (number if fault.alone else 0)) % len(fault.forgeries)]
        if forgery in fault.forgeries and (apart or turn == forgery):
            chosen.append(fault)
    return chosen


def planted(run: Path, faults: list[Fault], forgery: str, seed: int, scratch: Path) -> Iterator[tuple[Fault, str]]:
    """Plant faults in a copy, forge, verify; give those that no finding named, and what was found instead."""
    copy = linked_copy(run, scratch / "copy")
    try:
        for fault in faults:
            fault.plant(copy, Random(f"{seed} {fault.kind} {fault.name}"))
        forge(copy, forgery, cards=all(fault.cards for fault in faults))
        without = {"leakage", "duplicates"} | (
            {"catalog"} if not any(f.kind.startswith(_OF_CATALOG) for f in faults) else set()
        )
        findings = [f"{check.name}: {check.detail}" for check in verify(copy, without) if not check.ok]
    finally:
        shutil.rmtree(copy)
    for fault in faults:
        if not any(all(word in finding for word in fault.named) for finding in findings):
            yield fault, " | ".join(findings) or "nothing"


def main() -> int:
    """Print found of planted by kind, and every fault that was not named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--apart", action="store_true", help="every fault alone")
    parser.add_argument("--only", default="", help="kinds that begin so")
    parser.add_argument("--forgery", choices=FORGERIES, action="append", help="this much is forged along; all in turn")
    options = parser.parse_args()
    run = options.run.absolute()
    clean = [check for check in verify(run) if not check.ok]
    print(f"the run itself: {len(clean)} findings", *(f"{check.name}: {check.detail}" for check in clean), sep="\n  ")
    faults = [fault for fault in all_faults(run) if fault.kind.startswith(options.only)]
    total, missed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    started = time.process_time()
    with tempfile.TemporaryDirectory(dir=run.parent) as scratch:
        for forgery in options.forgery or FORGERIES:
            for group in together(under(faults, forgery, options.seed, options.apart), options.apart):
                total.update((fault.kind, forgery) for fault in group)
                print(
                    f"{time.process_time() - started:6.0f} CPU s  {len(group)} of {group[0].kind} ({forgery})",
                    flush=True,
                )
                for fault, findings in planted(run, group, forgery, options.seed, Path(scratch)):
                    missed[fault.kind, forgery] += 1
                    print(
                        f"NOT NAMED  {fault.kind}: {fault.name} ({forgery} forged); found: {findings[:600]}", flush=True
                    )
    print(f"seed {options.seed}: found of planted, with {', '.join(f'{each} forged' for each in FORGERIES)}")
    for kind in dict.fromkeys(fault.kind for fault in faults):
        told = [f"{total[kind, each] - missed[kind, each]}/{total[kind, each]}" for each in FORGERIES]
        print(f"  {kind:40} {'  '.join(f'{each:>9}' for each in told)}")
    print(f"  in all {sum(total.values()) - sum(missed.values())} of {sum(total.values())}, ", end="")
    print(f"{time.process_time() - started:.0f} CPU s")
    return int(bool(missed) or bool(clean))


if __name__ == "__main__":
    sys.exit(main())
