"""What the reader knows of the selected samples: one row each, in arrays that all processes of a machine share.

The arrays are files of the machine's cache, mapped and never changed: some 70 bytes a sample, once for all ranks and
workers. What a process holds for itself does not grow with the samples.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.feed.arrays import TextSequence, open_array, open_small, open_texts
from pipeline.feed.by_taxon import ByTaxon, read_by_taxon, write_by_taxon
from pipeline.feed.permutation import Rows
from pipeline.feed.question import ARRAYS, NAMES
from pipeline.feed.store import Span
from pipeline.shards.captions import Captions, captions
from pipeline.storage.files.cache import Cache

_CAPTIONS = 1 << 12  # captions that are kept; tokens are kept by row (`pipeline.feed.tokens`)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The selected samples of a dataset; all arrays have one entry per sample, and can only be read."""

    digest: str
    """SHA-256 of the manifest file."""
    entry: str
    """Name of the arrays in the cache."""
    keys: pa.Array
    shards: tuple[str, ...]
    shard: npt.NDArray[np.int32]
    """Number of the sample's shard in `shards`."""
    edges: npt.NDArray[np.int64]
    """Where the samples of each shard begin, and after them the number of all."""
    start: npt.NDArray[np.int64]
    """First byte of the sample's JPEG in its shard."""
    length: npt.NDArray[np.int64]
    """Bytes of the JPEG."""
    taxa: TextSequence
    taxon: npt.NDArray[np.int32]
    """Number of the sample's accepted taxon in `taxa`."""
    names: pa.Table
    """Distinct lineages with their common name: the seven ranks and `vernacular_name`."""
    name: npt.NDArray[np.int32]
    """Row of the sample in `names`; what is made from a caption, such as tokens, is made once per row of it."""
    _selection: str = field(repr=False)
    _cache: Cache = field(repr=False)
    _texts: OrderedDict[int, Captions] = field(default_factory=OrderedDict, repr=False, compare=False)

    def __len__(self) -> int:
        return int(self.shard.size)

    def span(self, row: int) -> Span:
        """Return where a sample's JPEG lies."""
        start = int(self.start[row])
        return Span(self.shards[self.shard[row]], start, start + int(self.length[row]))

    def key(self, row: int) -> str:
        """Return a sample's key."""
        return str(self.keys[row].as_py())

    def keys_of(self, rows: Rows) -> list[str]:
        """Return the keys of samples."""
        # Arrow's `take` imports pandas where it is installed: 30 MB in every process, a fifth of a second at its start.
        _, ends, texts = self.keys.buffers()
        numbers, data = np.frombuffer(ends, np.int64), memoryview(texts)
        spans = zip(numbers[rows].tolist(), numbers[rows + 1].tolist(), strict=True)
        return [str(data[start:end], "utf-8") for start, end in spans]

    def captions(self, name: int) -> Captions:
        """Return the five captions of a row of `names`, as the shards hold them."""
        found = self._texts.get(name)
        if found is None:
            ranks = {column: self.names.column(column)[int(name)].as_py() for column in NAMES}
            found = self._texts[name] = captions(ranks, ranks.pop("vernacular_name"))
            if len(self._texts) > _CAPTIONS:
                self._texts.popitem(last=False)
        return found

    def selection(self) -> str:
        """Return a digest of which samples were selected."""
        return self._selection

    def by_taxon(self, key: int | None) -> ByTaxon:
        """Return the rows ordered by taxon, those of a taxon as they come, or permuted by a key."""
        name = f"{self.entry}-by-taxon" + ("" if key is None else f"-{key:016x}")
        return self._cache.get(name, partial(write_by_taxon, self.taxon, len(self.taxa), key), read_by_taxon)


def open_manifest(cache: Cache, entry: str, folder: Path, facts: Mapping[str, Any]) -> Manifest:
    """Return what `write_selection` wrote into a folder; raise OSError, ValueError or KeyError when it is not whole."""
    arrays: dict[str, Any] = {name: open_array(folder, name) for name in (*ARRAYS, "edges")}
    tables = {name: open_small(folder, name) for name in ("shards", "taxa", "names")}
    keys = open_texts(folder, "key")
    if {values.size for name, values in arrays.items() if name != "edges"} != {len(keys)}:
        raise ValueError(f"{folder} has arrays of several lengths")
    return Manifest(
        digest=facts["digest"],
        entry=entry,
        keys=keys,
        shards=tuple(tables["shards"].column("shard").to_pylist()),
        taxa=TextSequence(tables["taxa"].column("accepted_id")),
        names=tables["names"].select(list(NAMES)),
        _selection=facts["selection"],
        _cache=cache,
        **arrays,
    )
