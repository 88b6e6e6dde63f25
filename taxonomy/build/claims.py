"""What sources say about each other's taxa: crosswalks, turned into 'the same', 'not the same' and 'nothing said'.

Open Tree lists the taxa of NCBI and GBIF that each of its taxa is made of, and other sources list alternative keys.
Such a statement was made by somebody who looked, so it goes before a comparison of names: two taxa under one claim are
the same, two taxa under different claims of one source are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.links import Linked

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Claims:
    """The claims of every source that makes any."""

    by_source: list[Ints]
    """For each such source, over the rows of all sources: the row of its taxon that a row is said to be; -1: none."""

    def judge(self, left: Ints, right: Ints) -> Ints:
        """Return 1 for pairs that a source calls the same, -1 for pairs that it calls different, 0 where none speaks.

        The first source that speaks decides.

        >>> Claims([np.array([0, 0, 2, -1])]).judge(np.array([0, 0, 0]), np.array([1, 2, 3])).tolist()
        [1, -1, 0]
        """
        said = np.zeros(len(left), dtype=np.int64)
        for claim in self.by_source:
            one, other = claim[left], claim[right]
            speaks = (one >= 0) & (other >= 0) & (said == 0)
            said[speaks] = np.where(one == other, 1, -1)[speaks]
        return said

    def pairs(self, left: Ints, right: Ints) -> tuple[Ints, Ints]:
        """Return the pairs of a left and a right row that the first source to speak calls the same."""
        lefts, rights = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for claim in self.by_source:
            own = right[claim[right] >= 0]
            own = own[np.argsort(claim[own], kind="stable")]
            low = np.searchsorted(claim[own], claim[left], side="left")
            count = np.where(claim[left] >= 0, np.searchsorted(claim[own], claim[left], side="right") - low, 0)
            lefts.append(np.repeat(left, count))
            within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
            rights.append(own[np.repeat(low, count) + within])
        one, other = np.concatenate(lefts), np.concatenate(rights)
        same = self.judge(one, other) > 0
        both = np.unique(np.stack([one[same], other[same]], axis=1), axis=0)
        return both[:, 0], both[:, 1]


def read_claims(sources: list[Linked]) -> Claims:
    """Read the aliases of the kind 'same' of all sources, first source first.

    A key's prefix names the source of that prefix, or the only one whose prefix goes on from it ('ncbi' and
    'ncbi-2025'). A key that its source has replaced stands for the one that replaced it. Claims about synonyms, and
    those that two taxa of one source make about the same taxon, are left out.
    """
    starts = np.cumsum([0, *(each.table.num_rows for each in sources)])
    every = pa.chunked_array([chunk for each in sources for chunk in each.table["usage_id"].chunks], pa.string())
    accepted = np.concatenate([each.accepted == np.arange(len(each.accepted)) for each in sources])
    aliases = pa.concat_tables([each.aliases for each in sources])
    replaced = aliases.filter(pc.equal(aliases["kind"], "replaced"))
    prefixes = sorted({prefix for each in sources for prefix in pc.unique(each.table["source"]).to_pylist()})
    found = []
    for start, each in zip(starts.tolist(), sources, strict=False):
        stated = each.aliases.filter(pc.equal(each.aliases["kind"], "same"))
        if stated.num_rows == 0:
            continue
        owner = _rows(stated["usage_id"], every)
        keys = pa.chunked_array([[_own_key(key, prefixes) for key in stated["alias"].to_pylist()]], pa.string())
        other = _rows(keys, every)
        newer = replaced["usage_id"].combine_chunks().take(pc.index_in(keys, value_set=_column(replaced["alias"])))
        other = np.where(other >= 0, other, _rows(newer, every))
        good = (owner >= 0) & (other >= 0)
        good[good] = accepted[owner[good]] & accepted[other[good]]
        pairs = np.unique(np.stack([other[good], owner[good]], axis=1), axis=0)
        _, first, times = np.unique(pairs[:, 0], return_index=True, return_counts=True)
        pairs = pairs[first[times == 1]]
        claim = np.full(int(starts[-1]), -1, dtype=np.int64)
        own = np.arange(start, start + each.table.num_rows, dtype=np.int64)
        claim[own] = np.where(accepted[own], own, -1)
        claim[pairs[:, 0]] = pairs[:, 1]
        found.append(claim)
    return Claims(found)


def _own_key(key: str, prefixes: list[str]) -> str:
    prefix, _, rest = key.partition(":")
    if prefix in prefixes:
        return key
    longer = [each for each in prefixes if each.startswith(prefix + "-")]
    return f"{longer[0]}:{rest}" if len(longer) == 1 else key


def _column(values: pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks()


def _rows(keys: pa.ChunkedArray, ids: pa.ChunkedArray) -> Ints:
    found: Ints = pc.fill_null(pc.index_in(keys, value_set=_column(ids)), -1).to_numpy().astype(np.int64)
    return found
