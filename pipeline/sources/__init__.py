"""Sources: readers of what providers publish, behind one contract (`pipeline.sources.release.base`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.model.errors import SourceError
from pipeline.sources.bioscan.bioscan1m import Bioscan1M
from pipeline.sources.bioscan.bioscan5m import Bioscan5M
from pipeline.sources.camera_traps.camtrap_dp import CamtrapDp
from pipeline.sources.camera_traps.coco_camera_traps import CocoCameraTraps
from pipeline.sources.camera_traps.lila import Lila
from pipeline.sources.darwin_core.dwca import Dwca
from pipeline.sources.darwin_core.gbif import GbifDwca
from pipeline.sources.darwin_core.gbif_pages import GbifPages
from pipeline.sources.eol.media_manifest import EolManifest
from pipeline.sources.fathomnet.release import FathomNet
from pipeline.sources.inat.biotrove import BioTrove
from pipeline.sources.inat.open_data import InatOpenData
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Source, Split

__all__ = [
    "SOURCES",
    "BioTrove",
    "Bioscan1M",
    "Bioscan5M",
    "CamtrapDp",
    "CocoCameraTraps",
    "Dwca",
    "EolManifest",
    "FathomNet",
    "GbifDwca",
    "GbifPages",
    "InatOpenData",
    "Lila",
    "Mapped",
    "Native",
    "Plan",
    "Release",
    "Source",
    "Split",
    "open_source",
]

_READERS: tuple[Source, ...] = (
    *(GbifDwca(), GbifPages(), EolManifest(), Bioscan5M(), Bioscan1M(), FathomNet(), InatOpenData(), BioTrove()),
    *(Lila(), CocoCameraTraps(), CamtrapDp(), Dwca()),
)
SOURCES: Mapping[str, Source] = MappingProxyType({source.kind: source for source in _READERS})
"""Every reader by its kind, as `SourceSpec.kind` names it."""


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
    return SOURCES[kind]
