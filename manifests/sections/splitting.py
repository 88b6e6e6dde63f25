"""Which splits a run makes, and what may not lie in two of them."""

from __future__ import annotations

from dataclasses import dataclass

UNSEEN = ("accepted", "species", "genus", "family")
"""The ranks of what only one split holds, beside a column of the record."""
TRAINING = "train"
"""The name of the first split: loaders and layouts know what to train on by it."""
STRATA = ("none", "accepted", "species", "genus", "family", "order", "class")
"""What shares may be kept by, beside a column of the record."""


@dataclass(frozen=True, slots=True)
class SplittingRules:
    """How the [[splits]] are made: what stays together, what each split has its share of, and what lies apart."""

    together: tuple[str, ...] | None = None
    """Columns of the record whose equal values stay in one split, such as ["location_key", "individual_key"]: those
    two, sequence_key and occurrence_key are each data set's own. Duplicates, and media of one occurrence, specimen or
    medium, stay together in any case."""
    stratify: str | None = None
    """What has its share in every split: 'accepted' (taxa; also where nothing is said), a rank, a column of the record
    such as 'individual_key', or 'none': each group by a hash of its own, whatever else there is."""
    chronological: bool | None = None
    """The earliest go to the first split and the latest to the last, within each stratum; what has no date goes to the
    first."""
    cell_kilometres: float | None = None
    """Side of cells in kilometres: what was seen in one cell stays together."""
    buffer_kilometres: float | None = None
    """No record of another split lies as near to one of the first: those of the first split end as thinned."""


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """One split. The first of several is the one to train on, `train`; a recipe of one split may name it otherwise."""

    name: str
    """In the names of its shards: a-z, 0-9 and '_', beginning with a letter."""
    percent: float = 0.0
    """Share of the images; those of all splits are 100 together. 0, or not given: the split holds what its list or
    hints name, and nothing else."""
    min_per_taxon: int | None = None
    """Fewest images here of a taxon that is here at all; a taxon without as many for every split stays in the first."""
    cap_per_taxon: int | None = None
    """Most images here of a taxon, as quotas count them: what is beyond goes to the first split where it may lie there,
    and ends as over_quota where it may not."""
    unseen: str | None = None
    """'accepted', 'species', 'genus' or 'family', or a column of the record such as 'individual_key': what no other
    split holds."""
    unseen_percent: float | None = None
    """How much of `percent` is such: the rest is of what the first split holds too. Not given: all of it."""
    hints: tuple[str, ...] | None = None
    """Words of the sources' own splits (split_hint) whose records belong here."""
    keys: str | None = None
    """CSV of what belongs here, with any of the columns media_key, record_key (source:id), occurrence_key and
    taxon (an accepted name)."""
