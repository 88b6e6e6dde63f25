"""Sources: readers of what providers publish, behind one contract (`pipeline.sources.release.base`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from pipeline.model.errors import SourceError
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Source, Split

__all__ = ["SOURCES", "Mapped", "Native", "Plan", "Release", "Source", "Split", "open_source"]

SOURCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "gbif-dwca": ("pipeline.sources.darwin_core.gbif", "GbifDwca"),
        "gbif-pages": ("pipeline.sources.darwin_core.gbif_pages", "GbifPages"),
        "eol": ("pipeline.sources.eol.media_manifest", "EolManifest"),
        "bioscan5m": ("pipeline.sources.bioscan.bioscan5m", "Bioscan5M"),
        "bioscan1m": ("pipeline.sources.bioscan.bioscan1m", "Bioscan1M"),
        "fathomnet": ("pipeline.sources.fathomnet.release", "FathomNet"),
        "inat-open-data": ("pipeline.sources.inat.open_data", "InatOpenData"),
        "biotrove": ("pipeline.sources.inat.biotrove", "BioTrove"),
        "lila": ("pipeline.sources.camera_traps.lila", "Lila"),
        "coco-camera-traps": ("pipeline.sources.camera_traps.coco_camera_traps", "CocoCameraTraps"),
        "camtrap-dp": ("pipeline.sources.camera_traps.camtrap_dp", "CamtrapDp"),
        "dwca": ("pipeline.sources.darwin_core.dwca", "Dwca"),
    }
)
"""Module and class of every reader, by its kind as `SourceSpec.kind` names it.

Imported when one is opened: all of them take longer to load than a command has that reads one, or none.
"""


@cache
def open_source(kind: str) -> Source:
    """Return the reader of a kind of source; raises SourceError for a kind that there is not.

    >>> open_source("eol").kind
    'eol'
    """
    if kind not in SOURCES:
        raise SourceError(
            f"there is no reader for sources of kind {kind!r}",
            expected=", ".join(SOURCES),
            remedy="correct `kind` of this source in the recipe",
        )
    module, name = SOURCES[kind]
    reader: Source = getattr(import_module(module), name)()
    return reader
