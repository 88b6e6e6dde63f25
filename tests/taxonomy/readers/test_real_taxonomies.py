"""Published taxonomies, where they are at hand: they build, and their names resolve to themselves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest

from taxonomy import Taxonomy, build_taxonomy, resolve
from taxonomy.names.parse import is_clean
from tests.taxonomy.names.test_parse import agrees_with_the_parser

DATA = Path(__file__).parents[3] / "../shared/data/taxonomy"
NUB, INAT, MDD = "gbif-matching-ws/nub_usages.tsv", "inat21/inat2021-categories.csv", "mdd/MDD_v1.13.zip"


def published(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the published taxonomy {name} is not here")
    return path


def built(tmp_path: Path, *names: str) -> Taxonomy:
    build_taxonomy([published(name) for name in names], tmp_path / "built")
    return Taxonomy.open(tmp_path / "built", check=True)


def test_the_categories_of_inat21_resolve_to_themselves(tmp_path: Path) -> None:
    taxonomy = built(tmp_path, INAT)
    with published(INAT).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    names = [row["name"] for row in rows]
    answer = resolve(taxonomy, pa.table({"scientific_name": names}))
    assert len(names) == 10_000
    assert answer["accepted_id"].to_pylist() == [f"inat2021-categories:{row['id']}" for row in rows]
    assert answer["match_type"].unique().to_pylist() == ["EXACT"]
    assert answer["family"].to_pylist() == [row["family"] for row in rows]
    assert [name for name in names if is_clean(name) and not agrees_with_the_parser(name)] == []


def test_the_mammal_diversity_database_gives_names_and_original_combinations(tmp_path: Path) -> None:
    taxonomy = built(tmp_path, MDD)
    asked = pa.table({"scientific_name": ["Ornithorhynchus_anatinus", "Platypus anatinus", "Felis concolor"]})
    answer = resolve(taxonomy, asked).to_pylist()
    assert [row["species"] for row in answer] == ["Ornithorhynchus anatinus"] * 2 + ["Puma concolor"]
    assert (answer[0]["vernacular_name"], answer[1]["taxonomic_status"]) == ("Platypus", "synonym")


def test_a_real_backbone_excerpt_builds_and_is_careful_with_its_homonyms(tmp_path: Path) -> None:
    taxonomy = built(tmp_path, NUB)
    manifest = json.loads((taxonomy.folder / "MANIFEST.json").read_text())
    assert manifest["sources"][0]["usages"] == 4264
    with published(NUB).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    kingdoms: dict[str, set[str]] = {}
    for row in rows:
        kingdoms.setdefault(row["canonicalName"], set()).add(row["kingdom"])
    torn = sorted(name for name, found in kingdoms.items() if len(found - {""}) > 1)
    assert len(torn) > 100
    answers = resolve(taxonomy, pa.table({"scientific_name": torn})).to_pylist()
    for row in answers:
        if row["usage_id"] and row["runner_up_id"]:
            # What is decided without a hint has no rival in another kingdom.
            rival = dict(taxonomy.usage(row["runner_up_id"]).classification)
            assert rival.get("kingdom") == row["kingdom"], row["scientific_name"]


def test_published_taxonomies_unite_and_keep_every_species_below_its_genus(tmp_path: Path) -> None:
    sources: list[str | Path] = ["default", *(published(name) for name in (NUB, INAT, MDD))]
    build_taxonomy(sources, tmp_path / "built")
    taxonomy = Taxonomy.open(tmp_path / "built")
    with published(INAT).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    columns = ("kingdom", "phylum", "class", "order", "family", "genus")
    asked = {"scientific_name": [row["name"] for row in rows]} | {c: [row[c] for row in rows] for c in columns}
    answers = resolve(taxonomy, pa.table(asked)).to_pylist()
    resolved = [row for row in answers if row["species"]]
    assert len(resolved) > 0.99 * len(rows)
    assert all(row["genus"] and row["genus_id"] for row in resolved)
    assert all(row["kingdom"] == given["kingdom"] for row, given in zip(answers, rows, strict=True) if row["kingdom"])
