"""The species of the demo, with their lineages and synonyms as the default taxonomy states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from manifests.recipe import RANKS
from pipeline.demo.look import Look, looks
from pipeline.model.errors import PipelineError

LAND = (
    "Puma concolor",
    "Panthera leo",
    "Lynx lynx",
    "Canis lupus",
    "Vulpes vulpes",
    "Passer domesticus",
    "Cyanistes caeruleus",
    "Parus major",
    "Morus bassanus",
    "Oenanthe oenanthe",
    "Prunella modularis",
    "Rana temporaria",
    "Bufo bufo",
    "Rhinella marina",
    "Natrix natrix",
    "Zamenis longissimus",
)
INSECTS = (
    "Danaus plexippus",
    "Vanessa atalanta",
    "Vanessa cardui",
    "Musca domestica",
    "Drosophila melanogaster",
    "Aedes aegypti",
    "Apis mellifera",
    "Coccinella septempunctata",
    "Formica rufa",
)
PLANTS = (
    "Morus alba",
    "Oenanthe crocata",
    "Prunella vulgaris",
    "Quercus robur",
    "Pinus sylvestris",
    "Taraxacum officinale",
    "Ficus carica",
    "Plantae/Ficus variegata",
)
OTHERS = ("Trametes versicolor", "Morchella esculenta", "Macrocystis pyrifera", "Fucus vesiculosus")
MARINE = (
    "Aurelia aurita",
    "Vampyroteuthis infernalis",
    "Sebastolobus alascanus",
    "Chionoecetes tanneri",
    "Strongylocentrotus fragilis",
    "Octopus rubescens",
    "Praya dubia",
    "Scotoplanes globosa",
    "Metridium farcimen",
)
SNAIL = "Animalia/Ficus variegata"
SPECIES = (*LAND, *INSECTS, *PLANTS, *OTHERS, *MARINE, SNAIL)
"""Keys of the species: the binomial, with the kingdom in front where two kingdoms share it."""


class Naming(NamedTuple):
    """One way to name an individual: what a label says, and what it means."""

    canonical: str
    authorship: str
    rank: str
    lineage: tuple[str, ...]
    """Names at the seven ranks as a source would state them; empty below the rank of the name."""
    key: str
    """The species that the individual is."""

    @property
    def verbatim(self) -> str:
        """The name with its authorship, as GBIF writes it."""
        return f"{self.canonical} {self.authorship}".strip()

    @property
    def specific(self) -> bool:
        """True when the name is a species' name."""
        return self.rank == "species"


@dataclass(frozen=True, slots=True)
class Species:
    """One species of the demo."""

    key: str
    name: str
    authorship: str
    lineage: tuple[str, ...]
    synonyms: tuple[tuple[str, str], ...]
    """Synonyms as (canonical name, authorship), by name."""
    look: Look

    def named(self) -> Naming:
        """Name it correctly."""
        return Naming(self.name, self.authorship, "species", self.lineage, self.key)

    def as_synonym(self, number: int = 0) -> Naming:
        """Name it by a synonym, with the classification of the accepted species."""
        name, authorship = self.synonyms[number]
        return Naming(name, authorship, "species", self.lineage, self.key)

    def as_rank(self, rank: str) -> Naming:
        """Name it by its genus, family or another higher taxon."""
        level = RANKS.index(rank)
        lineage = self.lineage[: level + 1] + ("",) * (len(RANKS) - level - 1)
        return Naming(self.lineage[level], "", rank, lineage, self.key)

    def misnamed(self, name: str) -> Naming:
        """Name it by something that no taxonomy holds, without any classification to fall back on."""
        return Naming(name, "", "species", ("",) * len(RANKS), self.key)


def load_species() -> Mapping[str, Species]:
    """Read the species from the default taxonomy, by key; raise PipelineError when it lacks one of the species.

    >>> load_species()["Puma concolor"].lineage[-2:]
    ('Puma', 'Puma concolor')
    """
    rows = default_taxa()
    synonyms: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if row["acceptedNameUsageID"] and row["taxonRank"] == "species":
            synonym = (row["scientificName"], row["scientificNameAuthorship"])
            synonyms.setdefault(row["acceptedNameUsageID"], []).append(synonym)
    accepted = {
        (row["kingdom"], row["scientificName"]): row
        for row in rows
        if row["taxonRank"] == "species" and not row["acceptedNameUsageID"]
    }
    found: dict[str, dict[str, str]] = {}
    for key in SPECIES:
        kingdom, _, name = key.rpartition("/")
        matches = [row for (realm, known), row in sorted(accepted.items()) if known == name and kingdom in ("", realm)]
        if len(matches) != 1:
            raise PipelineError(
                f"the default taxonomy holds {len(matches)} accepted species {key!r}",
                where="taxonomy/data/default.tsv",
                expected="exactly one",
                remedy="correct the taxonomy, or the species in pipeline/demo/species.py",
            )
        found[key] = matches[0]
    lineages = {key: (*(row[rank] for rank in RANKS[:-1]), row["scientificName"]) for key, row in sorted(found.items())}
    faces = looks(lineages)
    return {
        key: Species(
            key=key,
            name=row["scientificName"],
            authorship=row["scientificNameAuthorship"],
            lineage=lineages[key],
            synonyms=tuple(sorted(synonyms.get(row["taxonID"], ()))),
            look=faces[key],
        )
        for key, row in found.items()
    }


def default_taxa() -> list[dict[str, str]]:
    """Read the rows of the default taxonomy: Darwin Core columns, tab separated, no quoting."""
    text = (files("taxonomy") / "data" / "default.tsv").read_text(encoding="utf-8")
    header, *lines = text.rstrip("\n").split("\n")
    columns = header.split("\t")
    return [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
