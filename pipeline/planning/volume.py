"""Bytes that would be fetched and stored, by source: from declared sizes, else from stated averages, or as measured.

A sample, or the answers to HEAD, say more than any average: where a plan has them, they take its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests import ImageRules
from pipeline.planning.picture_bytes import (
    ASSUMED_BYTES,
    FETCHED_BYTES_A_PIXEL,
    STORED_SPREAD,
    assumed_stored_pixels,
    stored_bytes_a_pixel,
)
from pipeline.planning.plan_facts import Range, Volume
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
DECLARED, ASSUMED, SAMPLED, HEAD = "declared sizes", "assumed sizes", "sample", "HEAD"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sample of a source's media showed."""

    fetched: Range
    """Bytes of all its media."""
    stored: Range | None
    """Bytes of all its images; None where nothing was stored."""
    basis: str


def volumes(con: duckdb.DuckDBPyConnection, rules: ImageRules, measured: Mapping[str, Measured]) -> tuple[Volume, ...]:
    """Return the bytes of every source, of the tables `planned` and `planned_media` of a connection."""
    ratio = "least(w, h)" if rules.rule == "shortest" else "greatest(w, h)"
    fetched = {row[0]: row[1:] for row in con.execute(_SQL("fetched")).fetchall()}
    found = []
    for source, images, reduced, same, unknown in con.execute(_SQL("stored", side=rules.side, bound=ratio)).fetchall():
        media, declared, pixels = fetched.get(source, (0, 0, 0))
        told = measured.get(source)
        took = _fetched(media, declared, pixels) if told is None else told.fetched
        stored = _stored(rules, reduced, same, unknown)
        if told is not None and told.stored is not None:
            stored = told.stored
        basis = told.basis if told is not None else DECLARED if media and declared == media else ASSUMED
        found.append(Volume(source, media, declared, took, images, stored, basis))
    return tuple(found)


def _fetched(media: int, declared: int, pixels: int) -> Range:
    """Return the bytes of media, of which some declare so many pixels together.

    >>> _fetched(10, 10, 1_000_000)
    Range(low=100000, value=270000, high=510000)
    """
    each = zip(FETCHED_BYTES_A_PIXEL, ASSUMED_BYTES, strict=True)
    return Range(*(round(pixels * a_pixel + (media - declared) * assumed) for a_pixel, assumed in each))


def _stored(rules: ImageRules, reduced: float, same: float, unknown: int) -> Range:
    """Return the bytes of stored images: so many pixels of smaller ones, of ones as they are, and images of no size."""
    pixels = reduced + unknown * assumed_stored_pixels(rules)
    bounds = [share * pixels * stored_bytes_a_pixel(rules) for share in (STORED_SPREAD[0], 1.0, STORED_SPREAD[1])]
    return Range(*(round(each + same * kept) for each, kept in zip(bounds, FETCHED_BYTES_A_PIXEL, strict=True)))
