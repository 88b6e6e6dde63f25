"""Which records a recipe chooses, of one source or of all: the keys that `[select]` and `[[sources]]` share.

Every key is None where nothing is said, so that a recipe without them has the canonical form and the digest that it
would have if there were no such keys.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which records are chosen; the others end as not_selected, and as quality where their pictures decide."""

    where: str | None = None
    """One SQL condition over the columns of the records and of their resolved names, such as
    "license_family IN ('CC0', 'CC-BY') AND names.class = 'Aves'"; NULL is not chosen. What it says of media.column is
    asked after fetch. docs/choosing.md lists the columns and the functions."""
    rules: tuple[str, ...] | None = None
    """Shipped conditions on pictures and on what is said of them: 'no-blanks', 'no-blurred', 'no-frames',
    'no-dark-or-glaring', 'no-labels', 'no-text', 'no-people', 'no-tiny-subjects'; and, of which no error rate is known,
    'no-empty-frames', 'no-still-frames', and by a detector's scores 'no-people-detected', 'no-tiny-subjects-detected',
    'no-empty-frames-detected'. docs/quality.md says what each asks and how often it is wrong."""
    taxa: tuple[str, ...] | None = None
    """Names or ids of taxa of any rank: what is one of them, or below it, is chosen. A synonym is its accepted
    taxon."""
    exclude_taxa: tuple[str, ...] | None = None
    """Names or ids of taxa that are left out, with all below them."""
    ranks: tuple[str, ...] | None = None
    """Ranks that the accepted taxon of a record may have."""
    bbox: tuple[float, ...] | None = None
    """[west, south, east, north] in degrees, its edges included; west > east crosses the antimeridian."""
    countries: tuple[str, ...] | None = None
    """Countries that a record's country_code may be: ISO 3166 alpha-2 codes, or English names."""
    years: tuple[str, ...] | None = None
    """Years and ranges of years, such as ["1990-2005", "2010"]; a record's event has to lie in them."""
    life_stages: tuple[str, ...] | None = None
    """Life stages of docs/vocabularies.md, or words that are read as them."""
    sexes: tuple[str, ...] | None = None
    """Sexes of docs/vocabularies.md, or words that are read as them."""
    basis: tuple[str, ...] | None = None
    """Bases of record that a record may have."""
    categories: tuple[str, ...] | None = None
    """Categories of pictures that a record may have: citizen, specimen, camera_trap, lab, field or unknown."""
    limit: int | None = None
    """Most records that go on to fetch, the same ones for any order of the input."""
    sample: float | None = None
    """Share of the records, above 0 and at most 1, that is chosen by a seeded hash of the record's id."""


CHOICE_KEYS = tuple(each.name for each in fields(Choice))
