"""Shipped recipes of photos that people took, run to shards over small releases: each keeps what it is held to."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from pipeline.catalog import open_catalog
from tests.end_to_end.small_releases import (
    HOST,
    Lineage,
    Photo,
    Taxa,
    gbif_release,
    inat_release,
    named,
    ranks_of,
    run_starter,
    species_of,
    store,
    table_of,
)

PLURAL = {"Gastropoda": "Mollusca", "Magnoliopsida": "Plantae", "Agaricomycetes": "Fungi"}
CATEGORIES = ("Aves", "Arachnida", "Insecta", "Reptilia", *PLURAL)


def asked(out: Path, question: str) -> list[tuple[Any, ...]]:
    with open_catalog(out) as con:
        return con.execute(question).fetchall()


def ended(out: Path) -> dict[str, str]:
    """Return the outcome of every row by the number of its photo."""
    found = asked(out, "SELECT r.source_media_id, l.outcome FROM ledger l JOIN records r ON r.record_id = l.row_id")
    return {str(record): str(outcome) for record, outcome in found}


def inat(tmp_path: Path, photos: list[Photo], taxa: Taxa | None = None, shuffle: int | None = None) -> list[str]:
    """Write a release and its taxonomy, and return what points a recipe at them."""
    tables, bucket = inat_release(tmp_path / f"inat{shuffle or ''}", photos, shuffle)
    known = (taxa or Taxa()).add(sorted({photo.taxon for photo in photos})).write(tmp_path / "taxa.tsv")
    return [f"sources.inat.path={tables}", f"sources.inat.media={bucket}", f'taxonomy.sources=["{known}"]']


def photos_of(species: list[Lineage], counts: list[int], licences: tuple[str, ...] = ("CC-BY",)) -> list[Photo]:
    """Return so many photos of each species, licences in turn."""
    return [
        Photo(1000 * (at + 1) + n, taxon, licences[n % len(licences)])
        for at, (taxon, count) in enumerate(zip(species, counts, strict=True))
        for n in range(count)
    ]


def test_biotrove_train_has_seven_categories_between_floor_and_cap(tmp_path: Path) -> None:
    species = [each for group in (*CATEGORIES, "Mammalia") for each in species_of(group, 3)]
    photos = photos_of(species, [2, 4, 8] * 8, ("CC-BY-NC", "CC0", "CC-BY-ND", "CC0"))
    photos = [Photo(p.number, p.taxon, "CC0" if p.licence == "CC-BY-ND" else p.licence) for p in photos]
    photos += [Photo(99_001, species[1], "CC-BY-ND"), Photo(99_002, species[1], "")]
    again = [photo for photo in photos if photo.number % 10 == 2]
    out = run_starter(
        "biotrove-train",
        tmp_path / "run",
        [*inat(tmp_path, photos + again), "select.min_per_taxon=3", "select.cap_per_taxon=5"],
    )
    kept = asked(out, "SELECT accepted_name, class, count(*), count(DISTINCT split) FROM samples GROUP BY ALL")
    assert {name: count for name, _, count, _ in kept} == {
        taxon[-1]: size for taxon, size in zip(species[:21], [0, 4, 5] * 7, strict=True) if size
    }
    assert {group for _, group, _, _ in kept} == set(CATEGORIES)
    # Six of eight are CC0: where only five may stay, the freest licences go first.
    assert asked(out, "SELECT license_id, max(n) FROM (SELECT accepted_name, license_id, count(*) AS n FROM samples "
                      "GROUP BY ALL) WHERE n = 5 GROUP BY 1") == [("CC0-1.0", 5)]  # fmt: skip
    outcomes = Counter(ended(out).values())
    assert outcomes["not_selected"] == 14 and outcomes["too_rare"] == 14 and outcomes["over_quota"] == 21
    assert {row[0] for row in asked(out, "SELECT DISTINCT split FROM samples")} == {"train", "test"}


def test_biotrove_balanced_has_as_many_of_each_species_and_no_more_of_each_category_whatever_the_order(
    tmp_path: Path,
) -> None:
    """Insecta lack one of three; Mollusca are of two classes, Plantae and Fungi kingdoms; Mammalia are none of them."""
    counts = {"Aves": 6, "Insecta": 2, "Gastropoda": 2, "Cephalopoda": 3, "Magnoliopsida": 5, "Mammalia": 2}
    species = [each for group, number in counts.items() for each in species_of(group, number)]
    photos = [
        *photos_of(species, [2, 3, 4, 5, 6, 7, *[5] * (len(species) - 6)]),
        *(Photo(99 + n, species[0], grade="needs_id") for n in (0, 1)),
    ]
    small = ["select.min_available=3", "select.cap_per_taxon=3", "select.most_taxa=3"]
    taxa = Taxa().add(species_of("Arachnida", 1) + species_of("Agaricomycetes", 1) + species_of("Reptilia", 1))
    out = run_starter("biotrove-balanced", tmp_path / "run", [*inat(tmp_path, photos, taxa), *small])
    kept = asked(out, "SELECT phylum, class, accepted_name, split, count(*) FROM samples GROUP BY ALL ORDER BY 1")
    assert {row[3:] for row in kept} == {("test", 3)}
    within = Counter(phylum if phylum == "Mollusca" else group for phylum, group, *_ in kept)
    assert within == {"Aves": 3, "Insecta": 2, "Mollusca": 3, "Magnoliopsida": 3}
    other = inat(tmp_path, photos[::-1], taxa, shuffle=4)
    again = run_starter("biotrove-balanced", tmp_path / "run", [*other, *small], "again", "select")
    (out_kept, again_kept) = ((path / "select" / "decisions") for path in (out, again))
    assert decided(out_kept) == decided(again_kept) and len(decided(out_kept)) == 33


def decided(folder: Path) -> set[str]:
    """Return the records that a decision keeps."""
    import pyarrow.parquet as pq

    return set(pq.read_table(folder, columns=["record_id"]).column(0).to_pylist())


def test_biotrove_unseen_holds_out_accepted_species_and_keeps_a_split_of_others(tmp_path: Path) -> None:
    species = [*species_of("Aves", 12), *species_of("Magnoliopsida", 12), *species_of("Insecta", 2)]
    subspecies = (*species[0], f"{species[0][-1]} granti")
    hybrid = (*species[12][:6], f"{species[12][5]} × hybrida")
    others = [*photos_of(species, [4] * 26), *(Photo(500 + n, subspecies) for n in range(4))]
    taxa = Taxa().add([*species, subspecies]).synonym("Avesarius vetusta", species[1])
    listed = [
        *((n, subspecies[-1], "a subspecies") for n in (500, 501)),
        (77_001, "Avesarius vetusta", "a synonym"),
        (77_002, species[2][-1], "a species"),
        (77_003, hybrid[-1], "a hybrid"),
        (77_004, species[15][5], "a genus"),
        (77_005, "Avesarini", "a tribe"),
        (species_photo := 1000 * 8 + 1, "Avesarini", "the tribe's own photo"),
    ]
    table = table_of(
        tmp_path / "unseen.csv",
        [{"filenumber": str(n), "scientific_name": name, "path": what} for n, name, what in listed],
    )
    small = ["select.min_per_taxon=2", "select.cap_per_taxon=4", f"benchmarks.biotrove-unseen.table={table}"]
    out = run_starter("biotrove-unseen", tmp_path / "run", [*inat(tmp_path, others, taxa), *small])
    held_out = {species[n][-1] for n in (0, 1, 2)}
    kept = defaultdict(set)
    for name, split in asked(out, "SELECT DISTINCT species, split FROM samples"):
        kept[split].add(name)
    assert set(kept) == {"train", "test", "unseen"} and not held_out & set().union(*kept.values())
    assert not kept["unseen"] & (kept["train"] | kept["test"])
    # A genus and a hybrid have no species to hold out, a name that is no taxon none either: photos are held out by key.
    assert species[15][-1] in set().union(*kept.values())
    outcomes = ended(out)
    assert outcomes[str(species_photo)] == "leak_id" and outcomes["500"] == "leak_id"
    assert {outcomes[str(n)] for n in (502, 1000, 2000, 3000)} == {"leak_species"}


STAGES = {"Egg": 1, "Larva": 3, "Pupa": 2, "Adult": 4}


def test_biotrove_life_stages_has_a_floor_and_a_cap_for_each_stage_of_a_species(tmp_path: Path) -> None:
    insects = ("Actias luna", "Danaus plexippus", "Harmonia axyridis", "Hippodamia convergens", "Papilio machaon")
    species = [named(name, "Insecta") for name in (*insects, "Apis mellifera")]
    rows = [
        {"n": str(1000 * at + 10 * number + n), "lifeStage": stage, **ranks_of(taxon)}
        for at, taxon in enumerate(species, 1)
        for number, (stage, count) in enumerate({**STAGES, "Nymph": 2, "": 2}.items())
        for n in range(count)
    ]
    rows = [{**row, "lifeStage": "caterpillar"} if row["n"].endswith("12") else row for row in rows]
    small = ["select.min_per_taxon=2", "select.cap_per_taxon=3"]
    out = run_starter("biotrove-life-stages", tmp_path / "run", [*gbif(tmp_path, rows, species), *small])
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, stage in asked(out, "SELECT accepted_name, life_stage FROM samples"):
        found[name][stage] += 1
    assert found == {name: {"Larva": 2, "Pupa": 2, "Adult": 3} for name in insects}
    proofs = {row[0] for row in asked(out, "SELECT evidence FROM ledger WHERE outcome = 'too_rare'")}
    assert len(proofs) == 5 and all('"life_stage":"Egg"' in proof for proof in proofs)


def gbif(
    tmp_path: Path, rows: list[dict[str, str]], species: list[Lineage], same: dict[str, str] | None = None
) -> list[str]:
    """Write a download, its pictures (`same`: those that are drawn as another) and a taxonomy."""
    release = gbif_release(tmp_path / "gbif.zip", rows)
    mirror = store(tmp_path / "mirror", ((f"{row['n']}.jpg", (same or {}).get(row["n"], row["n"])) for row in rows))
    known = Taxa().add(species).write(tmp_path / "taxa.tsv")
    return [f"sources.gbif.path={release}", f'fetch.mirrors=["{HOST}={mirror}"]', f'taxonomy.sources=["{known}"]']


def test_zero_shot_has_as_many_species_of_both_classes_and_photos_of_each(tmp_path: Path) -> None:
    species = [*species_of("Mammalia", 6), *species_of("Aves", 6), *species_of("Reptilia", 1)]
    photos = [
        Photo(100 * at + n, taxon, grade="research" if n < 4 else "needs_id")
        for at, taxon in enumerate(species, 1)
        for n in range(6 if at % 6 else 3)
    ]
    small = ["select.most_taxa=3", "select.min_available=4", "select.cap_per_taxon=4"]
    where = inat(tmp_path, photos)
    out = run_starter("zero-shot-60x200", tmp_path / "run", [*where, *small])
    kept = asked(out, "SELECT class, accepted_name, count(*) FROM samples GROUP BY ALL ORDER BY ALL")
    assert [(row[0], row[2]) for row in kept] == [("Aves", 4)] * 3 + [("Mammalia", 4)] * 3
    drawn = {frozenset(decided(out / "select" / "decisions"))}
    for seed in (1, 2):
        again = run_starter("zero-shot-60x200", tmp_path / "run", [*where, *small, f"seed={seed}"], until="select")
        drawn.add(frozenset(decided(again / "select" / "decisions")))
        assert len(decided(again / "select" / "decisions")) == 24
    assert len(drawn) == 3


def test_wildlife_has_23_classes_of_free_licences_and_no_copy_over_two_splits(tmp_path: Path) -> None:
    import tomllib

    from manifests import starter_recipe

    names = tomllib.loads(starter_recipe("wildlife-23"))["select"]["taxa"]
    assert len(set(names)) == 23
    groups = {"Spheniscus demersus": "Aves", "Gyps africanus": "Aves", "Chelonia mydas": "Reptilia"}
    species = [named(name, groups.get(name, "Mammalia")) for name in (*names, "Vulpes vulpes")]
    rows = [
        {"n": str(100 * at + n), **ranks_of(taxon)}
        for at, taxon in enumerate(species, 1)
        for n in range(7 if at % 2 else 4)
    ]
    licences = {"0": "CC_BY_NC_4_0", "1": "CC0_1_0"}
    rows = [{**row, "license": licences.get(row["n"][-1], "CC_BY_4_0")} for row in rows]
    rows[3] = {**rows[3], "basisOfRecord": "PRESERVED_SPECIMEN"}
    copies = {str(100 * at + 5): str(100 * at + 6) for at in range(1, 24, 2)}
    out = run_starter(
        "wildlife-23", tmp_path / "run", [*gbif(tmp_path, rows, species, copies), "select.cap_per_taxon=4"]
    )
    kept = asked(out, "SELECT species, count(*) FROM samples GROUP BY 1")
    assert {name for name, _ in kept} == set(names) and max(count for _, count in kept) == 4
    assert {row[0] for row in asked(out, "SELECT DISTINCT license_id FROM samples")} == {"CC-BY-4.0", "CC0-1.0"}
    outcomes = Counter(ended(out).values())
    assert outcomes["licence_not_allowed"] == 23 and outcomes["not_selected"] == 5
    assert outcomes["exact_duplicate"] + outcomes["near_duplicate"] == 12, outcomes
    assert asked(out, "SELECT count(DISTINCT species) FROM samples WHERE split = 'train'") == [(23,)]
    told = json.loads((out / "catalog" / "report.json").read_text())["sections"]["split"]
    assert told["groups_over_both"] == 0 and set(told["images"]) == {"train", "val", "test"}


pytestmark = pytest.mark.whole
