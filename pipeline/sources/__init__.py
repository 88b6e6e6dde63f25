"""Sources: readers of what GBIF, EOL, BIOSCAN and FathomNet publish, behind one contract (`pipeline.sources.base`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.errors import SourceError
from pipeline.sources.base import Mapped, Native, Plan, Release, Source, Split
from pipeline.sources.bioscan import Bioscan5M
from pipeline.sources.dwca import Dwca
from pipeline.sources.eol import EolManifest
from pipeline.sources.fathomnet import FathomNet
from pipeline.sources.gbif import GbifDwca

__all__ = [
    "SOURCES",
    "Bioscan5M",
    "Dwca",
    "EolManifest",
    "FathomNet",
    "GbifDwca",
    "Mapped",
    "Native",
    "Plan",
    "Release",
    "Source",
    "Split",
    "open_source",
]

SOURCES: Mapping[str, Source] = MappingProxyType(
    {source.kind: source for source in (GbifDwca(), EolManifest(), Bioscan5M(), FathomNet(), Dwca())}
)
"""Every reader by its kind, as `SourceSpec.kind` names it."""


def open_source(kind: str) -> Source:
    """Give the reader of a kind of source; raises SourceError for a kind that there is not.

    >>> open_source("eol").kind
    'eol'
    """
    if kind not in SOURCES:
        raise SourceError(
            f"there is no reader for sources of kind {kind!r}",
            expected=", ".join(SOURCES),
            remedy="correct `kind` of this source in the recipe",
        )
    return SOURCES[kind]
