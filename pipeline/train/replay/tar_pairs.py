"""Replay of WebDataset tars that anybody made: every pair once an epoch, in an order drawn by the seed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from pipeline.feed import View, show
from pipeline.feed.decoding import DRAWS
from pipeline.feed.permutation import Permutation, Rows, subkey, uniforms
from pipeline.model.errors import FeedError
from pipeline.storage.stores import Span, Store, StoreError
from pipeline.train.replay.pair_batch import PairBatch
from pipeline.train.replay.tar_index import TarIndex

FORMATS = ("JPEG", "PNG", "WEBP")
_VERSION = 1
_HEADER = 512


class TarPairs:
    """Batches of an index' pairs.

    Position p of the endless count of pairs is row `order(p // n)[p % n]`, with an order for each epoch, so that a
    batch follows from its step. Survives pickling and forking, as the store behind it does.
    """

    def __init__(self, store: Store, index: TarIndex, batch: int, seed: int, view: View, threads: int = 1) -> None:
        self._store, self._index, self._batch, self._seed = store, index, batch, seed
        self._view, self._threads = view, threads
        self.where = store.where
        left_out = f", beside {index.unpaired:,} keys without image or caption" if index.unpaired else ""
        again = f", {index.repeated:,} of them under a key that came before in its tar" if index.repeated else ""
        self.told = f"{len(index):,} pairs in {len(index.shards):,} tars{again}{left_out}"
        parts = [_VERSION, index.digest, batch, seed, dataclasses.asdict(view)]
        self.digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._index)

    def positions(self, step: int, rank: int, world: int) -> Rows:
        """Return the positions of a rank's part of a step in the endless count of pairs."""
        if step < 0 or not 0 <= rank < world or self._batch % world:
            raise FeedError(
                f"there is no step {step} of rank {rank} of {world} in a replay of {self._batch} pairs a step",
                expected="step >= 0, rank < world, and a batch that is a multiple of the ranks",
            )
        each = self._batch // world
        return step * self._batch + np.arange(rank * each, (rank + 1) * each)

    def rows(self, positions: Rows) -> Rows:
        """Return the pairs at positions."""
        epochs, places = np.divmod(positions, len(self))
        found = np.empty_like(positions)
        for epoch in np.unique(epochs).tolist():
            order = Permutation(len(self), subkey(self._seed, "replay", epoch))
            found[epochs == epoch] = order(places[epochs == epoch])
        return found

    def batch(self, step: int, rank: int = 0, world: int = 1) -> PairBatch:
        """Return a rank's part of a step; raise FeedError for a pair that cannot be read or decoded."""
        positions = self.positions(step, rank, world)
        rows, index = self.rows(positions), self._index
        spans = []
        for row in rows.tolist():
            name = index.shards[int(index.shard[row])]
            start, text = int(index.image[row]), int(index.text[row])
            spans += [
                Span(name, start - _HEADER, start + int(index.image_size[row])),
                Span(name, text, text + int(index.text_size[row])),
            ]
        try:
            read = self._store.spans(spans)
        except StoreError as error:
            raise FeedError(f"the replay cannot be read: {error.reason}", error.where, _WHOLE) from error
        keys = tuple(_key(spans[2 * at], read[2 * at], self._store.where) for at in range(rows.size))
        texts = tuple(_text(spans[2 * at + 1], read[2 * at + 1], self._store.where) for at in range(rows.size))
        draws: list[list[float]] = [[]] * rows.size
        if self._view.crop == "random":
            draws = uniforms(subkey(self._seed, "replay crops"), positions, DRAWS).tolist()
        images = np.empty((rows.size, self._view.size, self._view.size, 3), np.uint8)

        def put(at: int) -> None:
            try:
                images[at] = show(memoryview(read[2 * at])[_HEADER:], self._view, draws[at], FORMATS)
            except FeedError as error:
                span = spans[2 * at]
                where = f"{self._store.where}/{span.name}, byte {span.start + _HEADER}, key {keys[at]}"
                raise FeedError(
                    f"replay: {error.what}", where, "a JPEG, PNG or WebP picture", "take this key out of the tar"
                ) from error

        self._each(put, rows.size)
        return PairBatch(images, texts, keys)

    def _each(self, work: Callable[[int], Any], count: int) -> None:
        if self._threads == 1:
            for at in range(count):
                work(at)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(work, range(count)))


_WHOLE = "the tars that this run was begun with"


def _key(span: Span, data: bytes, where: str) -> str:
    """Return the key that the header before an image names; raise FeedError where another member lies there."""
    size = data[124:136].strip(b" \0")
    # A size of base 256 stands for 8 GB and more, which no picture is.
    if not size.isdigit() or int(size, 8) != len(data) - _HEADER:
        raise FeedError(
            "the replay's tar has changed since it was indexed: another member lies here",
            f"{where}/{span.name}, byte {span.start + _HEADER}",
            _WHOLE,
            "begin again: changed data is another run's",
        )
    name = data[:100].split(b"\0")[0].decode("utf-8", "replace")
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.partition('.')[0]}"


def _text(span: Span, data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise FeedError(
            f"a caption of the replay is no UTF-8: {error}", f"{where}/{span.name}, byte {span.start}", _WHOLE
        ) from error
