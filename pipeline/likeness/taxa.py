"""Benchmarks of unseen species: the taxa they hold out, resolved to the accepted species that training must not see.

A class that is a subspecies, or a name that the taxonomy calls a synonym, is held out as the accepted species behind
it. A class above the species holds nothing out, and one that is not in the taxonomy cannot: both are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place

if TYPE_CHECKING:
    from taxonomy import Taxonomy

HELD_TAXA_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("benchmark", "taxon", "match_type", "accepted_name")),
        *(pa.field(name, pa.string()) for name in ("accepted_rank", "species", "species_id")),
    ]
)
"""One row per benchmark and listed taxon; `species_id` is null where no species is held out by it."""


def held_taxa(holdout: Place, index: Path) -> pa.Table:
    """Resolve the taxa of every benchmark of unseen species, in the order of benchmark and name.

    `holdout`: the folder of the stage; `index`: the folder of the taxonomy, opened only where there are taxa.
    """
    table = read_table(holdout / "taxa", columns=["benchmark", "taxon"])
    listed = set(zip(table["benchmark"].to_pylist(), table["taxon"].to_pylist(), strict=True))
    if not listed:
        return HELD_TAXA_SCHEMA.empty_table()
    from taxonomy import Taxonomy, resolve  # only here: who compares images needs no names

    taxonomy = Taxonomy.open(index)
    ordered = sorted(listed)
    resolved = resolve(taxonomy, pa.table({"scientific_name": [taxon for _, taxon in ordered]}))
    rows = [
        {"benchmark": benchmark, "taxon": taxon, **{name: row[name] for name in HELD_TAXA_SCHEMA.names[2:]}}
        for (benchmark, taxon), row in zip(ordered, resolved.to_pylist(), strict=True)
    ]
    return pa.Table.from_pylist(rows, HELD_TAXA_SCHEMA)


@dataclass(frozen=True, slots=True)
class Overlap:
    """A held-out class whose species is trained on."""

    taxon: str
    species: str
    trained_as: str


def species_keys(names: Sequence[str], taxonomy: Taxonomy | None) -> list[str]:
    """Return the accepted species of each name: its id in the taxonomy, else its canonical binomial, else ''.

    A name that the taxonomy does not know is compared by its canonical name, so that two lists can be compared before
    a taxonomy is at hand; a taxon above the species gives ''.

    >>> species_keys(["Accipiter nisus granti", "Accipiter nisus (Linnaeus, 1758)", "Sanicula"], None)
    ['Accipiter nisus', 'Accipiter nisus', '']
    """
    known: list[tuple[str | None, str | None]] = [(None, None)] * len(names)
    if taxonomy is not None:
        from taxonomy import resolve

        resolved = resolve(taxonomy, pa.table({"scientific_name": pa.array(list(names), pa.string())}))
        known = list(zip(resolved["accepted_id"].to_pylist(), resolved["species_id"].to_pylist(), strict=True))
    keys = []
    for name, (accepted, species) in zip(names, known, strict=True):
        words = _canonical(name).split(" ") if not species and not accepted else []
        keys.append(species or (" ".join(words[:2]) if len(words) >= 2 else ""))
    return keys


def _canonical(name: str) -> str:
    from taxonomy import parse_name

    left, sign, right = name.partition(" × ")
    # A cross of subspecies ('Junco hyemalis mearnsi × caniceps') is of their species, one of two species is of none.
    return parse_name(left if sign and right[:1].islower() and len(left.split()) > 2 else name).canonical


def overlap(held_out: Sequence[str], train: Sequence[str], taxonomy: Taxonomy | None = None) -> list[Overlap]:
    """Return the held-out names whose accepted species is that of a training name, in the order of the held-out names.

    >>> overlap(["Accipiter nisus granti", "Puma concolor"], ["Accipiter nisus", "Lynx lynx"])
    [Overlap(taxon='Accipiter nisus granti', species='Accipiter nisus', trained_as='Accipiter nisus')]
    """
    trained: dict[str, str] = {}
    for key, name in zip(species_keys(train, taxonomy), train, strict=True):
        if key:
            trained.setdefault(key, name)
    unique = sorted(set(held_out))
    return [
        Overlap(name, key, trained[key])
        for name, key in zip(unique, species_keys(unique, taxonomy), strict=True)
        if key in trained
    ]
