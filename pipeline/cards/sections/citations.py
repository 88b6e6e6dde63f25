"""How to cite what a run was made from: each release by its DOI or name, and the collection that published it.

GBIF asks that every use of a download cites the download's DOI (https://www.gbif.org/citation-guidelines); the other
providers ask for their paper or their site.
"""

from __future__ import annotations

import re

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_COLLECTIONS = {
    "gbif-dwca": "GBIF.org, GBIF Occurrence Download",
    "gbif-pages": "GBIF.org, GBIF Occurrence Search",
    "eol": "Encyclopedia of Life, https://eol.org",
    "bioscan5m": "Gharaee et al. 2024, BIOSCAN-5M: A Multimodal Dataset for Insect Biodiversity, arXiv:2406.12723",
    "bioscan1m": "Gharaee et al. 2023, A Step Towards Worldwide Biodiversity Assessment: The BIOSCAN-1M Insect "
    "Dataset, arXiv:2307.10455",
    "fathomnet": "Katija et al. 2022, FathomNet: A global image database for enabling artificial intelligence in the "
    "ocean, https://doi.org/10.1038/s41598-022-19939-2",
    "inat-open-data": "iNaturalist Licensed Observation Images, https://github.com/inaturalist/inaturalist-open-data",
    "biotrove": "Yang et al. 2024, BioTrove: A Large Curated Image Dataset Enabling AI for Biodiversity, "
    "arXiv:2406.17720",
    "lila": "LILA BC, Labeled Information Library of Alexandria: Biology and Conservation, https://lila.science",
}
COLLECTION_ADDRESSES = frozenset(
    address for text in _COLLECTIONS.values() for address in re.findall(r"https://\S+", text)
)
"""Addresses in what is cited of a collection, as they are written there."""


def citation(kind: str, source: str, release: str) -> str:
    """Return one line that cites a release: the collection by its kind, else the source's name, and the release.

    >>> citation("gbif-dwca", "gbif", "10.15468/dl.ab12cd")
    'GBIF.org, GBIF Occurrence Download. https://doi.org/10.15468/dl.ab12cd'
    >>> citation("dwca", "idigbio", "2024-05")
    'idigbio. Release 2024-05'
    """
    collection = _COLLECTIONS.get(kind, source)
    doi = _DOI.fullmatch(release.strip())
    if doi:
        return f"{collection}. https://doi.org/{doi[1]}"
    return f"{collection}. Release {release}" if release else collection
