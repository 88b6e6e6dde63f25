"""Score of the resolver on GBIF's own matching cases (gbif/matching-ws) against their backbone of 4,264 usages.

    python -m tests.conformance.matching [--failures] [CASES NUB_USAGES]

A case is right when the key of the matched usage is the one that is asserted, and the match type too where one is. The
higher taxa that usages only name by key (kingdomKey ... speciesKey) become usages of their own, as in GBIF's index.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from taxonomy import Policy, Taxonomy, build_taxonomy, resolve

DATA = Path(__file__).parents[2] / "../shared/data/taxonomy/gbif-matching-ws"
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
TYPES = {"EXACT": "EXACT", "CANONICAL": "EXACT", "OTU": "EXACT", "STEM": "VARIANT", "FUZZY": "VARIANT"}
TYPES |= dict.fromkeys(("SPECIES_OF_TRINOMIAL", "GENUS", "HIGHER_RANK", "LCA"), "HIGHERRANK")
COLUMNS = ["taxonID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "taxonRank", "taxonomicStatus"]


def write_backbone(usages: Path, target: Path) -> int:
    """Write the usages, and the higher taxa that they imply, as a Darwin Core table; give the number of taxa."""
    with usages.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    known = {row["usageKey"] for row in rows}
    above: dict[str, Counter[str]] = {}
    named: dict[str, tuple[str, str]] = {}
    paths: dict[str, list[str]] = {}
    for row in rows:
        path = [(row[f"{rank}Key"], row[rank], rank) for rank in RANKS if row[f"{rank}Key"]]
        paths[row["usageKey"]] = [key for key, _, _ in path]
        for (key, name, rank), mother in zip(path, ["", *(key for key, _, _ in path)], strict=False):
            named.setdefault(key, (name, rank))
            above.setdefault(key, Counter())[mother] += 1
    parent = {key: min(found, key=lambda each: (-found[each], each)) for key, found in above.items()}
    with target.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(COLUMNS)
        for row in rows:
            key = row["usageKey"]
            others = [each for each in paths[key] if each != key]
            synonym = row["synonym"] == "True"
            status = row["status"] or ("SYNONYM" if synonym else "ACCEPTED")
            mother = "" if synonym else parent.get(key, others[-1] if others else "")
            target_key = (row["acceptedUsageKey"] or (others[-1] if others else "")) if synonym else ""
            writer.writerow([key, mother, target_key, row["scientificName"], row["rank"], status])
        for key in sorted(named.keys() - known):
            writer.writerow([key, parent[key], "", named[key][0], named[key][1], "ACCEPTED"])
    return len(rows) + len(named.keys() - known)


def asked(case: dict[str, Any]) -> pa.Table:
    """Return the input table of one case."""
    cells = {"scientific_name": case["name"], "rank_verbatim": case.get("rank")}
    cells |= {rank: case["hints"].get(rank) for rank in RANKS[:-1]}
    if "usage_key" in case:
        cells["taxon_id"] = f"nub:{case['usage_key']}"
    return pa.table({name: pa.array([value], pa.string()) for name, value in cells.items()})


def policy(case: dict[str, Any]) -> Policy:
    """Return the policy that a case asks for."""
    return Policy(strict=case["mode"] == "strict", exclude=tuple(f"nub:{key}" for key in case.get("exclude", ())))


def score(cases: Path, usages: Path) -> tuple[int, list[dict[str, Any]], int, int]:
    """Return the number of right cases, the wrong ones with the answer, and how many confidences are in their range."""
    with tempfile.TemporaryDirectory() as folder:
        write_backbone(usages, Path(folder) / "nub.tsv")
        build_taxonomy([Path(folder) / "nub.tsv"], Path(folder) / "built")
        wrong, right, within, ranged = [], 0, 0, 0
        for line in cases.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            taxonomy = Taxonomy.open(Path(folder) / "built", policy=policy(case))
            answer = resolve(taxonomy, asked(case)).to_pylist()[0]
            key = (answer["usage_id"] or "").removeprefix("nub:") or None
            found = TYPES.get(answer["match_type"], "NONE")
            low, high = case.get("confidence", (0, 0))
            if key == case["key"] and case.get("match_type", found) == found:
                right += 1
                ranged += "confidence" in case
                within += "confidence" in case and low <= answer["confidence"] <= high
            else:
                case["answer"] = {"key": key, "found": answer["match_type"], "issues": answer["issues"]}
                wrong.append(case)
    return right, wrong, within, ranged


def main(arguments: list[str]) -> None:
    """Print the score."""
    paths = [Path(each) for each in arguments if not each.startswith("--")]
    cases, usages = paths if len(paths) == 2 else (DATA / "cases.jsonl", DATA / "nub_usages.tsv")
    right, wrong, within, ranged = score(cases, usages)
    total = right + len(wrong)
    print(f"gbif-matching-ws: {right} of {total} cases right ({100 * right / total:.1f} %): key and match type")
    print(f"confidence within the asserted range: {within} of {ranged} right cases that assert one")
    if "--failures" in arguments:
        for case in wrong:
            print(json.dumps(case, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
