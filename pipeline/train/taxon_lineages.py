"""The lineages of a dataset's taxa: what a tree of classes, and every measure by rank, is made from."""

from __future__ import annotations

import numpy as np

from manifests.recipe import RANKS
from pipeline.feed.manifest import Manifest


def lineages_of(manifest: Manifest) -> list[tuple[str, ...]]:
    """Return, for each taxon of `manifest.taxa`, its names at the seven ranks and its id; '' for a rank without one.

    A taxon whose samples state several lineages has that of the first, in the order of the shards.
    """
    taxa, first = np.unique(manifest.taxon, return_index=True)
    name_of = dict(zip(taxa.tolist(), manifest.name[first].tolist(), strict=True))
    columns = {rank: manifest.names.column(rank).to_pylist() for rank in RANKS}
    return [
        (*((columns[rank][name_of[number]] or "") for rank in RANKS), taxon)
        for number, taxon in enumerate(manifest.taxa[:])
    ]
