"""Real photographs with known duplicates, leaks, a burst and a label conflict, decided by the tools a user runs.

Run `python -m tests.conformance.heliconius`; it prints one line per fact and fails when one does not hold. It needs the
photographs of the project's shared data.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from manifests import LikenessRules
from pipeline.likeness.check import LeakReport, check_leaks
from pipeline.likeness.deduplicate import Duplicates, find_duplicates
from pipeline.likeness.hashing import hash_set

DATA = Path(__file__).parents[2] / "../shared/data"


def heliconius(data: Path) -> tuple[int, LeakReport, LeakReport]:
    """Return the number of groups of equal bytes, and the leak check of the published split without and with pairs.

    Butterflies of one genus, each pinned alike on white, are what the joint rule of pHash and PDQ takes for copies.
    """
    folder = data / "sources/images/heliconius"
    images = hash_set([folder])
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as handle:
        split = {Path(row["file_name"]).name: row["split"] for row in csv.DictReader(handle)}
    groups = sum(count > 1 for count in Counter(images["sha256"].to_pylist()).values())
    sides = pa.array([split[name] for name in images["item"].to_pylist()])
    train, test = (images.filter(pc.equal(sides, side)) for side in ("train", "test"))
    return groups, check_leaks(train, test, LikenessRules(leak_pair_phash=-1)), check_leaks(train, test)


def burst(data: Path) -> Duplicates:
    """Decide on the ten frames of one camera event, whose table says that they are one."""
    package = data / "sources/cameratraps/camtrap-dp"
    with (package / "media.csv").open(newline="", encoding="utf-8") as handle:
        names = {row["mediaID"]: Path(row["filePath"]).name for row in csv.DictReader(handle)}
    with (package / "observations.csv").open(newline="", encoding="utf-8") as handle:
        event = {names[row["mediaID"]]: row["eventID"] for row in csv.DictReader(handle) if row["mediaID"]}
    return find_duplicates(hash_set([package / "media"], turned=False), group_of=event)


def moth(data: Path) -> Duplicates:
    """Decide on the photographs of single animals, labelled by what their files are called."""
    images = hash_set([data / "sources/images/commons"], turned=False)
    return find_duplicates(images, labels={name: Path(name).stem for name in images["item"].to_pylist()})


def facts(data: Path) -> list[tuple[str, bool]]:
    """Return each fact in words, and whether it was found."""
    groups, report, paired = heliconius(data)
    frames = burst(data).decisions.to_pylist()
    sequences = {row["group"] for row in frames}
    kept = sum(row["decision"] == "kept" for row in frames)
    conflicts = sorted(row["item"] for row in moth(data).decisions.to_pylist() if row["outcome"] == "label_conflict")
    leaked, items = report.state("leaked"), report.items.num_rows
    return [
        (f"Heliconius: {groups} groups of equal bytes", groups == 32),
        (f"Heliconius: {leaked} of the {items} test images leaked", (leaked, items) == (15, 27)),
        (f"Heliconius: {paired.state('leaked')} with the joint rule too", paired.state("leaked") == 23),
        (
            f"burst: {len(frames)} frames, {len(sequences)} sequence, {kept} kept, all in one split",
            (len(frames), len(sequences), kept) == (10, 1, 10) and None not in sequences,
        ),
        (f"label conflict: {' and '.join(conflicts)}", conflicts == ["butterfly.jpg", "moth.jpg"]),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the facts."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.heliconius", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real files")
    options = parser.parse_args(arguments)
    found = facts(options.data)
    sys.stdout.writelines(f"{'ok  ' if holds else 'FAIL'}  {words}\n" for words, holds in found)
    return int(not all(holds for _, holds in found))


if __name__ == "__main__":
    raise SystemExit(main())
