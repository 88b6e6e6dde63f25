"""How many images of what a run keeps: floors, caps, tempered quotas, balance, thinning, and which go first.

Every key but the oldest two is None where nothing is said, so that a recipe without them has the digest that it would
have if there were no such keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from manifests.sections.choice import Choice

RARE = ("drop", "keep")
QUOTA_RANKS = ("accepted", "species", "genus", "family", "order", "class", "phylum", "kingdom")
PREFERENCES = ("licence", "quality", "pixels", "box", "source", "rarity")
PERIODS = ("year", "month", "season", "daypart")
LISTED = "taxa"
"""The word of `most_taxa_per` that is no rank: each taxon of `taxa`."""
BY_HASH = "hash"
"""The word of `diverse` that is no column: how far apart pictures are."""


@dataclass(frozen=True, slots=True)
class SelectRules(Choice):
    """Which records are chosen of all sources, and whole-catalog decisions: quotas, and the split where no [[splits]]
    are given."""

    validation_percent: float = 5.0
    cap_per_taxon: int = 0
    """Most images kept per taxon of `quota_rank`; 0: no cap."""
    min_per_taxon: int | None = None
    """Fewest images that a taxon of `quota_rank` must have, of what thinning and caps of sources leave; see `rare`."""
    rare: str | None = None
    """What becomes of taxa with fewer: 'drop' ends their records as too_rare, 'keep' keeps them whole, and tempered
    quotas leave every taxon its first `min_per_taxon`."""
    min_available: int | None = None
    """Fewest images that a taxon must have to take part, which may be more than are kept of it; others are too_rare."""
    quota_rank: str | None = None
    """The rank whose taxa are counted: 'accepted' (the accepted taxon of each record, of whatever rank) or a rank; a
    record above that rank counts for its own taxon."""
    quota_columns: tuple[str, ...] | None = None
    """Columns of the record, such as ["life_stage"], whose values are told apart: floors, caps, the target and thinning
    then count the images of each taxon and value. A record that states none has that as its value."""
    target: int | None = None
    """Images wanted in all: each taxon gets a part of them by the power `power` of how many it has."""
    power: float | None = None
    """1 keeps the proportions of the catalog, 0 gives each taxon the same; 0.5 where only `target` is said."""
    most_taxa: int | None = None
    """Most taxa of `quota_rank`, those first in a seeded order; within each taxon of `most_taxa_per` where it is
    said."""
    most_taxa_per: str | None = None
    """The rank within which `most_taxa` counts, such as 'class'; or 'taxa': each taxon that `select.taxa` lists."""
    balance: tuple[str, ...] | None = None
    """Columns of the record whose values share a taxon's quota as evenly as may be, such as ["sex", "life_stage"]."""
    prefer: tuple[str, ...] | None = None
    """Which images of a taxon go first, the weightiest reason first: 'licence' (the freest), 'quality' (of the hash:
    what is rich in detail), 'pixels', 'box' (records with one), 'source' (its priority), 'rarity' (from degree cells
    where the taxon has few)."""
    diverse: tuple[str, ...] | None = None
    """Columns on which the images of a taxon shall differ, picked one after another for the greatest entropy; or
    ["hash"]: each next picture the farthest from those picked."""
    thin_to: int | None = None
    """Most images of a taxon from one cell and period; what has no place or no date is not thinned by it."""
    thin_kilometres: float | None = None
    """Side of the cells in kilometres, as near as whole numbers of cells around the earth allow."""
    thin_degrees: float | None = None
    """Side of the cells in degrees, in place of `thin_kilometres`."""
    thin_by: tuple[str, ...] | None = None
    """Periods that are thinned each for itself: 'year', 'month', 'season' (of three months from December), 'daypart'
    (of six hours)."""
