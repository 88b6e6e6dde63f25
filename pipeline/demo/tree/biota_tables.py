"""What lies beside the package: the taxonomy of its names, the lists of its splits, and the table of truth."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from manifests.recipe import RANKS
from pipeline.demo.tree.life_tree import UNSEEN_GENERA, UNSEEN_SPECIES, Taxon, Tree
from pipeline.demo.tree.package import SOURCE, row_id
from pipeline.demo.tree.sightings import Sighting
from pipeline.demo.truth import COLUMNS
from pipeline.model.outcomes import Outcome

TAXONOMY = "taxonomy/tree.tsv"
LISTS = {UNSEEN_SPECIES: "splits/unseen_species.csv", UNSEEN_GENERA: "splits/unseen_genera.csv"}
"""The list of each split that a role fills alone."""
TRUTH = "truth.csv"
TRUTH_COLUMNS = (*COLUMNS, "media_key", "species", "label", "role", "sex", "life_stage", "individual")
_TAXON_COLUMNS = (
    *("taxonID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "taxonRank", "taxonomicStatus"),
    *RANKS[:-1],
    "vernacularName",
)


def write_taxonomy(folder: Path, tree: Tree) -> None:
    """Write the tree as a Darwin Core taxon table, which a recipe's taxonomy.sources reads."""
    above: dict[str, tuple[str, ...]] = {}
    rows = []
    for level in tree.taxa:
        for taxon in level:
            parent = tree.taxa[RANKS.index(taxon.rank) - 1][taxon.parent] if taxon.parent >= 0 else None
            lineage = (*(above[parent.name] if parent else ()), taxon.name)
            above[taxon.name] = lineage
            cells = (*lineage, *[""] * len(RANKS))[: len(RANKS) - 1]
            own = (_key(taxon), _key(parent) if parent else "", "", taxon.name, taxon.rank, "accepted")
            rows.append((*own, *cells, taxon.common))
    _write(folder / TAXONOMY, (_TAXON_COLUMNS, *rows), "\t")


def write_lists(folder: Path, tree: Tree) -> None:
    """Write the species of each split that holds them alone; a role that no species has makes no list."""
    for role, path in LISTS.items():
        names = sorted(tree.species[number].name for number in tree.of_role(role))
        if names:
            _write(folder / path, (("taxon",), *((name,) for name in names)), ",")


def write_truth(folder: Path, tree: Tree, seen: Sequence[Sighting]) -> None:
    """Write what each row shows, is called, and must end as: every one is kept.

    `role` is that of the species drawn: seen, unseen_species or unseen_genera.
    """
    rows = [
        (
            *(row_id(each), SOURCE, Outcome.KEPT.code, "", "mislabelled" if each.label != each.species else ""),
            *(each.key, tree.species[each.species].name, tree.species[each.label].name, tree.roles[each.species]),
            *(each.sex, each.stage, each.individual),
        )
        for each in seen
    ]
    _write(folder / TRUTH, (TRUTH_COLUMNS, *sorted(rows)), ",")


def _key(taxon: Taxon) -> str:
    return f"{taxon.rank}:{taxon.number + 1}"


def _write(path: Path, rows: Iterable[Sequence[str]], delimiter: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
