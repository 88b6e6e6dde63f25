"""Labels of samples at a rank: a number for each class, the classes' names, and the same numbers for another split.

A class is a whole path of the seven ranks down to the one asked for, so that a genus of birds and one of plants with
one name are two classes. Numbers follow the order of the paths. A sample without a name at the rank has the number -1,
and so has one of a class that the labels do not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests.nearness import closest
from manifests.recipe import RANKS
from pipeline.feed.manifest import Manifest
from pipeline.model.errors import FeedError

TAXON = "taxon"
"""What stands for the accepted taxon, beside the seven ranks."""
Path = tuple[str, ...]


class Labels:
    """The classes of a manifest's samples at a rank, or its accepted taxa ('taxon').

    Raises FeedError for a rank that is none, and where no sample has a name at it.
    """

    def __init__(self, manifest: Manifest, rank: str) -> None:
        if rank not in (TAXON, *RANKS):
            near = closest(rank, [TAXON, *RANKS])
            raise FeedError(
                f"there is no rank {rank!r}",
                expected=f"{TAXON}, or one of {', '.join(RANKS)}",
                remedy=f"write {near!r}" if near else "",
            )
        self.rank, self._manifest = rank, manifest
        self._paths, self._numbers = _classes(manifest, rank)
        if not self._paths:
            raise FeedError(f"no sample has a name at the rank {rank}", manifest.entry, "a rank that samples have")
        self.names = _told(self._paths)
        """The classes' names; one that several have is told with its path."""

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return f"<{len(self):,} labels at {self.rank}: {', '.join(self.names[:3])}{', …' if len(self) > 3 else ''}>"

    def numbers(self, manifest: Manifest, taxa: npt.NDArray[Any], names: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the class of each sample of a manifest, this one's or another's, by its taxon and lineage there."""
        table = self._numbers if manifest is self._manifest else self._of_other(manifest)
        found: npt.NDArray[np.int64] = table[taxa if self.rank == TAXON else names].astype(np.int64)
        return found

    def _of_other(self, manifest: Manifest) -> npt.NDArray[np.int32]:
        held = self.__dict__.get("_other")
        if held is None or held[0] is not manifest:
            paths, numbers = _classes(manifest, self.rank)
            known: Mapping[Path, int] = {path: number for number, path in enumerate(self._paths)}
            mine = np.array([*(known.get(path, -1) for path in paths), -1], np.int32)  # the last is what -1 finds
            held = self.__dict__["_other"] = (manifest, mine[numbers])
        table: npt.NDArray[np.int32] = held[1]
        return table


def _classes(manifest: Manifest, rank: str) -> tuple[Sequence[Path], npt.NDArray[np.int32]]:
    """Return the paths of all classes in order, and the class of each taxon (rank 'taxon') or lineage; -1 for none."""
    if rank == TAXON:
        return [(taxon,) for taxon in manifest.taxa[:]], np.arange(len(manifest.taxa), dtype=np.int32)
    ranks = RANKS[: RANKS.index(rank) + 1]
    columns = [manifest.names.column(name).combine_chunks().dictionary_encode() for name in ranks]
    codes = np.stack([column.indices.fill_null(-1).to_numpy(zero_copy_only=False) for column in columns], 1)
    words = [column.dictionary.to_pylist() for column in columns]
    there = codes[:, -1] >= 0
    kinds, place = np.unique(codes[there], axis=0, return_inverse=True)
    found = [tuple(words[at][code] if code >= 0 else "" for at, code in enumerate(kind)) for kind in kinds.tolist()]
    order = sorted(range(len(found)), key=found.__getitem__)
    turn = np.empty(len(found), np.int32)
    turn[order] = np.arange(len(found), dtype=np.int32)
    numbers = np.full(codes.shape[0], -1, np.int32)
    numbers[there] = turn[place.reshape(-1)]
    return [found[at] for at in order], numbers


def _told(paths: Sequence[Path]) -> tuple[str, ...]:
    counts = Counter(path[-1] for path in paths)
    return tuple(
        path[-1] if counts[path[-1]] == 1 else f"{path[-1]} ({' '.join(filter(None, path[:-1])) or 'no higher rank'})"
        for path in paths
    )
