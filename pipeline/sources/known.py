"""What is known of every kind of source without opening a release: licences, addresses, stores of images."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from manifests.preflight import SourceFacts
from pipeline.model.licences import normalise_licence
from pipeline.sources.bioscan import bioscan1m
from pipeline.sources.bioscan import bioscan5m as bioscan
from pipeline.sources.fathomnet import release as fathomnet
from pipeline.sources.inat.inat_map import BUCKET_URL


def _family(licence: str) -> str:
    return normalise_licence(licence).family


KNOWN: Mapping[str, SourceFacts] = MappingProxyType(
    {
        "gbif-dwca": SourceFacts(),
        "gbif-pages": SourceFacts(),
        "dwca": SourceFacts(),
        "eol": SourceFacts(needs_hierarchy=True),
        "bioscan5m": SourceFacts(False, _family(bioscan.LICENCE), True, False),
        "bioscan1m": SourceFacts(True, _family(bioscan1m.LICENCE), True, False),
        "fathomnet": SourceFacts(False, _family(fathomnet.LICENCE), True),
        "inat-open-data": SourceFacts(reads_media=True, host=urlsplit(BUCKET_URL).netloc),
        "biotrove": SourceFacts(rows_state_licences=False),
        "lila": SourceFacts(rows_state_licences=False),
        "coco-camera-traps": SourceFacts(reads_media=True, has_addresses=None),
        "camtrap-dp": SourceFacts(reads_media=True, has_addresses=None),
    }
)
"""By kind; the licence is what the reader gives rows that state none where the recipe says nothing."""
