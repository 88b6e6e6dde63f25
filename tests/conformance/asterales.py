"""Asterales in three taxonomies: how many hard pairs of NCBI and GBIF are found, and how many false ones are merged.

Open Tree's own taxonomy of the order says which NCBI taxon is which GBIF taxon: it is the truth, and a crosswalk, too.
So the merge is measured twice: with names alone (what Open Tree says about the others is taken away first), and with
the crosswalk read as published.

    python -m tests.conformance.asterales FOLDER-OF-aster.tar.gz
"""

from __future__ import annotations

import argparse
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from taxonomy import build_taxonomy

ARCHIVE = "aster.tar.gz"
GBIF, NCBI, OPEN_TREE = "gbif_aster", "ncbi_aster", "prev_aster"


@dataclass(frozen=True)
class Truth:
    same: list[tuple[str, str]]
    """(NCBI id, GBIF id) of pairs whose names differ."""
    plain: list[tuple[str, str]]
    """The same, of pairs whose names are equal."""
    different: list[tuple[str, str]]
    """Pairs with equal names that are different taxa."""


def rows(path: Path) -> list[list[str]]:
    return [line.rstrip("\n").split("\t|\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def truth(folder: Path) -> Truth:
    names = {
        source: {row[0]: row[2] for row in rows(folder / source / "taxonomy.tsv")} for source in (GBIF, NCBI, OPEN_TREE)
    }
    owner: dict[str, dict[str, str]] = {"ncbi": {}, "gbif": {}}
    pairs = []
    for row in rows(folder / OPEN_TREE / "taxonomy.tsv"):
        said: dict[str, list[str]] = {"ncbi": [], "gbif": []}
        for key in row[4].split(","):
            source, _, number = key.partition(":")
            if source in said and number in names[f"{source}_aster"]:
                said[source].append(number)
                owner[source][number] = row[0]
        if said["ncbi"] and said["gbif"]:
            pairs.append((said["ncbi"][0], said["gbif"][0]))
    by_name: dict[str, list[str]] = {}
    for number, name in names[GBIF].items():
        by_name.setdefault(name, []).append(number)
    different = [
        (one, other)
        for one, name in names[NCBI].items()
        for other in by_name.get(name, ())
        if one in owner["ncbi"] and other in owner["gbif"] and owner["ncbi"][one] != owner["gbif"][other]
    ]
    same = [pair for pair in pairs if names[NCBI][pair[0]] != names[GBIF][pair[1]]]
    plain = [pair for pair in pairs if names[NCBI][pair[0]] == names[GBIF][pair[1]]]
    return Truth(same, plain, different)


def accepted_by_id(built: Path) -> dict[str, str]:
    """Return the accepted usage of every id of every source."""
    table = pq.read_table(built / "usages.parquet", columns=["usage_id", "accepted_id", "source_ids"])
    found: dict[str, str] = {}
    for usage, accepted, keys in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        if accepted is not None:
            found |= {key: accepted for key in keys if key not in found or usage != key}
    return found


def measure(folder: Path, order: Sequence[str], crosswalk: bool) -> tuple[int, int, int]:
    """Return how many pairs became one taxon: of differing names, of equal names, of equal names that are two taxa."""
    given = truth(folder)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in order:
            shutil.copytree(folder / name, work / name)
        if not crosswalk and OPEN_TREE in order:
            table = work / OPEN_TREE / "taxonomy.tsv"
            kept = ["\t|\t".join([*row[:4], "", *row[5:]]) for row in rows(table)]
            head = table.read_text(encoding="utf-8").splitlines()[0]
            table.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
        build_taxonomy([work / name for name in order], work / "built")
        accepted = accepted_by_id(work / "built")

    def united(pairs: list[tuple[str, str]]) -> int:
        return sum(accepted.get(f"ncbi-aster:{a}") == accepted.get(f"gbif-aster:{b}", "") for a, b in pairs)

    return united(given.same), united(given.plain), united(given.different)


def lines(archive: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        given = truth(folder)
        yield f"pairs: {len(given.same)} hard, {len(given.plain)} of equal names, {len(given.different)} false"
        for order in ((GBIF, NCBI, OPEN_TREE), (NCBI, GBIF, OPEN_TREE), (GBIF, NCBI)):
            for crosswalk in (False, True) if OPEN_TREE in order else (False,):
                hard, plain, false = measure(folder, order, crosswalk)
                how = "crosswalk" if crosswalk else "names only"
                yield (
                    f"{' > '.join(order):38} {how:10}  hard {hard}/{len(given.same)}  "
                    f"equal names {plain}/{len(given.plain)}  false {false}/{len(given.different)}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=f"the folder that holds {ARCHIVE}")
    for line in lines(parser.parse_args().folder / ARCHIVE):
        print(line)


if __name__ == "__main__":
    main()
