"""What a biota is drawn from: how large its tree is, how many pictures there are, and what is unseen in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.model.errors import UsageError

MOST_SPECIES = 5_000
"""The syllables of names give some 30,000 stems, which all taxa share; a genus and a family may be of one species."""
MOST_OF = {"genus": 16, "family": 10, "order": 12, "class": 12, "phylum": 8, "kingdom": 6}
"""Most children of a taxon by its rank: so many traits the children's rank has, and no two of them look alike."""
CHILDREN = {
    "genus": "species_per_genus",
    "family": "genera_per_family",
    "order": "families_per_order",
    "class": "orders_per_class",
    "phylum": "classes_per_phylum",
    "kingdom": "phyla_per_kingdom",
}
"""The parameter that has the children of a taxon, by its rank."""
MOST_KINGDOMS = 4
FEWEST_PIXELS, MOST_PIXELS = 48, 512


@dataclass(frozen=True, slots=True)
class Parameters:
    """The size of a biota and its splits.

    The tree is as even as its number of species allows: species are dealt to genera, genera to families and so on, and
    the sizes of two taxa of one rank differ by one at most. `Parameters()` has 192 species of 48 genera, 24 families,
    12 orders, 6 classes, 3 phyla and 2 kingdoms.
    """

    species: int = 192
    species_per_genus: int = 4
    genera_per_family: int = 2
    families_per_order: int = 2
    orders_per_class: int = 2
    classes_per_phylum: int = 2
    phyla_per_kingdom: int = 2
    images: int = 32
    """Pictures of each species."""
    side: int = 96
    """Sides of a picture, in pixels."""
    unseen_genera: int | None = None
    """Genera that training never sees, each of a family that it sees; not given: 5 of 24, as far as families allow."""
    unseen_species: int | None = None
    """Species that training never sees, each of a genus that it sees; not given: one of each such genus."""
    validation_percent: float = 12.5
    """Share of the pictures of trained species that is held back."""
    variants: bool = True
    """Whether individuals differ by sex and life stage, which records state and captions never name."""
    common_names: bool = True
    """Whether species have a common name: one word, which tells nothing of their kin."""
    mislabelled_percent: float = 0.0
    """Share of the pictures of trained species that are labelled as another trained species."""

    def check(self) -> None:
        """Raise UsageError for the first parameter that cannot be drawn from."""
        for name, value in self.branching().items():
            _within(f"children of a {name}", value, 1, MOST_OF[name])
        _within("species", self.species, 1, MOST_SPECIES)
        _within("images", self.images, 2, 10_000)
        _within("side", self.side, FEWEST_PIXELS, MOST_PIXELS)
        _within("validation_percent", self.validation_percent, 0.1, 90)
        _within("mislabelled_percent", self.mislabelled_percent, 0, 50)

    def branching(self) -> Mapping[str, int]:
        """Return the most children of a taxon of each rank, the genus first.

        >>> Parameters().branching()["genus"]
        4
        """
        return {rank: getattr(self, name) for rank, name in CHILDREN.items()}


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # also where it is no number
        raise UsageError(
            f"{name} is {value:g}",
            where="parameters of the drawn biota",
            expected=f"{least:g} to {most:,g}",
            remedy="give a number within these bounds",
        )
