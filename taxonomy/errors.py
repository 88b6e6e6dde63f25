"""The error of this package."""

from __future__ import annotations

from manifests.errors import BiomillError


class TaxonomyError(BiomillError):
    """A taxonomy cannot be read, built or opened.

    >>> print(TaxonomyError("no column for the name", where="taxa.csv, line 1", remedy="add 'scientificName'"))
    no column for the name
      where:  taxa.csv, line 1
      remedy: add 'scientificName'
    """
