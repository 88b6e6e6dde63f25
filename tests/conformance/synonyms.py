"""Synonyms of three published checklists: is the accepted target right, and are ambiguous ones reported as such?

The truth is read from the files by the few lines below, not by the package's readers. A synonym has one target when all
rows of its name (without authors) lead to the same accepted taxon, and it is not an accepted name, too. It is asked for
with its authorship, without hints.

    python -m tests.conformance.synonyms FOLDER-OF-TAXONOMIES
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from taxonomy import Taxonomy, build_taxonomy
from taxonomy.match.resolver import resolve


@dataclass(frozen=True)
class Row:
    name: str
    authorship: str
    accepted: str
    """Name of the accepted taxon, without authors."""


@dataclass(frozen=True)
class Score:
    single: int
    right: int
    ambiguous: int
    reported: int
    """Ambiguous synonyms that were not answered with one taxon, or with one of theirs because the author decided."""
    wrong: tuple[str, ...]

    @property
    def percent(self) -> float:
        return 100.0 * self.right / self.single


def brassicaceae(path: Path) -> Iterator[Row | str]:
    """Yield the synonyms of the ACEF files; accepted names as strings."""
    with tarfile.open(path) as packed:

        def table(name: str) -> list[dict[str, str]]:
            member = packed.extractfile(name)
            assert member is not None
            text = io.TextIOWrapper(member, encoding="cp1252", newline="")
            return list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))

        names = {}
        for row in table("AcceptedSpecies.txt"):
            if row["SpeciesEpithet"] is not None:
                names[row["AcceptedTaxonID"]] = f"{row['Genus']} {row['SpeciesEpithet']}"
        for row in table("AcceptedInfraspecificTaxa.txt"):
            if row["parentID"] in names:
                names[row["AcceptedTaxonID"]] = f"{names[row['parentID']]} {row['InfraSpeciesEpithet']}"
        yield from names.values()
        for row in table("Synonyms.txt"):
            below = row["InfraSpeciesEpithet"] not in ("", "\\N", None)
            name = f"{row['Genus']} {row['SpeciesEpithet']}" + (f" {row['InfraSpeciesEpithet']}" if below else "")
            author = row["InfraSpeciesAuthorString" if below else "AuthorString"] or ""
            if row["AcceptedTaxonID"] in names:
                yield Row(name, "" if author == "\\N" else author, names[row["AcceptedTaxonID"]])


def mammal_diversity(path: Path) -> Iterator[Row | str]:
    """Yield the original combinations that differ from the current names."""
    with zipfile.ZipFile(path) as packed:
        table = next(name for name in packed.namelist() if re.match(r"MDD/MDD_v[\d.]+_\d+species\.csv", name))
        for row in csv.DictReader(io.StringIO(packed.read(table).decode("utf-8"))):
            name = row["sciName"].replace("_", " ")
            yield name
            original = row["originalNameCombination"].replace("_", " ").strip()
            if re.fullmatch(r"[A-Z][a-z]+(?: [a-z]{2,}){1,2}", original) and original != name:
                yield Row(original, "", name)


def itis_mammalia(path: Path) -> Iterator[Row | str]:
    """Yield the synonyms of the text tree: lines that begin with '=' below their accepted name."""
    epithet = r"(?!(?:van|von|den|der|del) )[a-z][a-z-]{2,}(?= |$)"
    line = re.compile(rf"^( *)(=?)([A-Z][a-z]+(?: (?:\([A-Z][a-z]+\) )?{epithet})*)(.*?) *\[[a-z_ ]+\]$")
    with tarfile.open(path) as packed:
        member = packed.extractfile("xcol/102.txtree")
        assert member is not None
        above: list[str] = []
        for text in io.TextIOWrapper(member, encoding="utf-8"):
            found = line.match(text.rstrip())
            depth = (len(text) - len(text.lstrip())) // 2
            del above[depth:]
            if found is None:
                above += ["?"] * (depth + 1 - len(above))
                continue
            name = re.sub(r" \([A-Z][a-z]+\)", "", found[3])
            if found[2]:
                if above[-1] != "?":
                    yield Row(name, found[4].strip(), above[-1])
            else:
                above.append(name)
                yield name


def score(rows: list[Row | str], source: Path) -> Score:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "built"
        build_taxonomy([source], folder)
        accepted = {row for row in rows if isinstance(row, str)}
        synonyms = sorted({row for row in rows if isinstance(row, Row)}, key=lambda row: (row.name, row.authorship))
        targets: dict[str, set[str]] = {}
        for row in synonyms:
            targets.setdefault(row.name, set()).add(row.accepted)
        asked = {
            "scientific_name": [row.name for row in synonyms],
            "name_authorship": [row.authorship or None for row in synonyms],
        }
        schema = pa.schema([(name, pa.string()) for name in asked])
        answers = resolve(Taxonomy.open(folder), pa.table(asked, schema=schema)).to_pylist()
    single = right = ambiguous = reported = 0
    wrong = []
    for row, answer in zip(synonyms, answers, strict=True):
        if len(targets[row.name]) > 1 or row.name in accepted:
            ambiguous += 1
            mine = targets[row.name] | ({row.name} & accepted)
            told = answer["match_type"] in ("AMBIGUOUS", "LCA", "NONE")
            reported += told or answer["accepted_name"] in mine
            continue
        single += 1
        if answer["accepted_name"] == row.accepted:
            right += 1
        else:
            wrong.append(f"{row.name} {row.authorship}: {answer['accepted_name']}, not {row.accepted}")
    return Score(single, right, ambiguous, reported, tuple(wrong))


SUITES: dict[str, tuple[str, Callable[[Path], Iterator[Row | str]]]] = {
    "Brassicaceae": ("col-backend/acef-73-brassicaceae.tar.gz", brassicaceae),
    "MDD": ("mdd/MDD_v1.13.zip", mammal_diversity),
    "ITIS Mammalia": ("col-backend/xcol-txtree.tar.gz", itis_mammalia),
}


def measure(data: Path, suite: str) -> Score:
    name, read = SUITES[suite]
    path = data / name
    if suite != "ITIS Mammalia":
        return score(list(read(path)), path)
    with tempfile.TemporaryDirectory() as temporary, tarfile.open(path) as packed:
        packed.extract("xcol/102.txtree", temporary, filter="data")
        return score(list(read(path)), Path(temporary) / "xcol/102.txtree")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of published taxonomies")
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong answers of each")
    args = parser.parse_args()
    for suite in SUITES:
        found = measure(args.data, suite)
        print(
            f"{suite:14} {found.right}/{found.single} with one target right ({found.percent:.2f} %); "
            f"{found.reported}/{found.ambiguous} ambiguous ones reported or decided among their own targets"
        )
        for each in found.wrong[: args.wrong]:
            print(f"    {each}")


if __name__ == "__main__":
    main()
