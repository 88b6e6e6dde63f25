"""Silent kingdom choices among GBIF's list of homonyms (gbif/checklistbank): there must be none.

    python -m tests.conformance.homonyms [HOMONYMS]

Two indexes are built of the listed names. In the first one every name stands as often as listed, in as many classes of
its kingdoms. In the second one it also stands in a kingdom in which it is not listed, as an accepted, doubtful or
synonymous usage by turns. Then all names are asked without a hint, and with each of their kingdoms as the only hint.
"""

from __future__ import annotations

import csv
import gzip
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from taxonomy import Taxonomy, build_taxonomy, resolve

DATA = Path(__file__).parents[2] / "../shared/data/taxonomy/gbif-checklistbank/homonyms.txt.gz"
KINGDOMS = ("", "Animalia", "Archaea", "Bacteria", "Chromista", "Fungi", "Plantae", "Protozoa", "Viruses")
"""In the order of the list's numbers; 0 is 'incertae sedis', which is no kingdom."""
CLASSES = 12
COLUMNS = ("taxonID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "taxonRank", "taxonomicStatus")
Listed = dict[str, dict[tuple[str, str], int]]


def read(path: Path) -> Listed:
    """Return, for every name, how often it stands in each (kingdom, rank)."""
    found: Listed = {}
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        next(handle)
        for line in handle:
            count, kingdom, rank, name = line.rstrip("\n").split("\t")
            if KINGDOMS[int(kingdom)] and name != "\\N" and rank in ("FAMILY", "GENUS", "SPECIES"):
                found.setdefault(name, {})[KINGDOMS[int(kingdom)], rank.lower()] = int(count)
    return found


def write(listed: Listed, path: Path, doubled: bool) -> dict[str, set[str]]:
    """Write a taxonomy of the names as a Darwin Core table, and give the kingdoms of every name."""
    kingdoms: dict[str, set[str]] = {}
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for kingdom in KINGDOMS[1:]:
            writer.writerow([kingdom, "", "", kingdom, "kingdom", "accepted"])
            writer.writerow([f"{kingdom}-p", kingdom, "", f"{kingdom}phyta", "phylum", "accepted"])
            for number in range(CLASSES):
                word = f"{kingdom}{chr(97 + number)}"
                writer.writerow([f"{word}-c", f"{kingdom}-p", "", f"{word}opsida", "class", "accepted"])
                writer.writerow([f"{word}-f", f"{word}-c", "", f"{word}idae", "family", "accepted"])
                writer.writerow([f"{word}-g", f"{word}-f", "", f"{word}us", "genus", "accepted"])
        for place, (name, homes) in enumerate(sorted(listed.items())):
            spread = [
                (kingdom, rank, number) for (kingdom, rank), count in sorted(homes.items()) for number in range(count)
            ]
            if doubled:
                other = next(each for each in KINGDOMS[1:7] if each not in {kingdom for kingdom, _, _ in spread})
                spread.append((other, spread[0][1], place % CLASSES))
            for number, (kingdom, rank, home) in enumerate(spread):
                word = f"{kingdom}{chr(97 + home % CLASSES)}"
                last = doubled and number == len(spread) - 1
                status = ("accepted", "doubtful", "synonym")[place % 3] if last else "accepted"
                parent = {"family": f"{word}-c", "genus": f"{word}-f", "species": f"{word}-g"}[rank]
                above = ("", f"{word}-g") if status == "synonym" else (parent, "")
                writer.writerow([f"n{place}-{number}", *above, name, rank, status])
                kingdoms.setdefault(name, set()).add(kingdom)
    return kingdoms


def silent(taxonomy: Taxonomy, kingdoms: dict[str, set[str]]) -> tuple[int, int, int, int]:
    """Return counts: names of several kingdoms, kingdoms chosen silently, questions with a hint, answers elsewhere."""
    torn = sorted(name for name, found in kingdoms.items() if len(found) > 1)
    answers = resolve(taxonomy, pa.table({"scientific_name": torn}))
    chosen = sum(kingdom is not None for kingdom in answers["kingdom"].to_pylist())
    pairs = [(name, kingdom) for name in torn for kingdom in sorted(kingdoms[name])]
    hinted = pa.table({"scientific_name": [name for name, _ in pairs], "kingdom": [kingdom for _, kingdom in pairs]})
    found = resolve(taxonomy, hinted)["kingdom"].to_pylist()
    astray = sum(answer != kingdom for answer, (_, kingdom) in zip(found, pairs, strict=True))
    return len(torn), chosen, len(pairs), astray


def score(path: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return the counts of `silent` for both indexes."""
    listed, counts = read(path), {}
    for title, doubled in (("as listed", False), ("with a second kingdom", True)):
        with tempfile.TemporaryDirectory() as folder:
            kingdoms = write(listed, Path(folder) / "homonyms.tsv", doubled)
            build_taxonomy([Path(folder) / "homonyms.tsv"], Path(folder) / "built")
            counts[title] = silent(Taxonomy.open(Path(folder) / "built"), kingdoms)
    return counts


def main(arguments: list[str]) -> None:
    """Print the counts."""
    for title, (torn, chosen, hinted, astray) in score(Path(arguments[0]) if arguments else DATA).items():
        print(f"{title}: {torn:,} names in several kingdoms, {chosen} silent kingdom choices without a hint")
        print(f"  with each kingdom as a hint: {hinted:,} questions, {astray} not answered within that kingdom")


if __name__ == "__main__":
    main(sys.argv[1:])
