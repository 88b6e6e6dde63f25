"""The reader: `batch(step)` as a pure function, so that resuming is a number and not a state.

What a batch holds follows from the manifest's digest, the rules (seed, global batch, sampler, ...), the view and the
step. Nothing depends on what was read before, by which worker, or for how many ranks: rank r of w gives slice r of the
same global batch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.feed.decoding import DRAWS, View, show
from pipeline.feed.differences import differences
from pipeline.feed.headers import HEADER, checked, with_header
from pipeline.feed.kinds import check_kinds
from pipeline.feed.manifest import Manifest
from pipeline.feed.manifest_cache import MANIFEST, read_manifest
from pipeline.feed.memory import enough_memory
from pipeline.feed.permutation import Rows, subkey, uniforms
from pipeline.feed.rules import Rules
from pipeline.feed.sequence import Sequence
from pipeline.feed.store import Span, open_store
from pipeline.feed.stream_order import Block
from pipeline.model.errors import FeedError
from pipeline.storage.places import place

Jpeg = bytes | memoryview
_VERSION = 1
"""Raised when the same rules would give other batches."""
_NEAR = 1 << 17  # bytes between two JPEGs that are read through rather than skipped
_LONGEST_SPAN = 32 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """One rank's part of one step."""

    step: int
    images: npt.NDArray[np.uint8]
    """Shape (samples, size, size, 3), RGB."""
    taxa: npt.NDArray[np.int64]
    """Number of each sample's accepted taxon in `Feed.manifest.taxa`."""
    names: npt.NDArray[np.int64]
    """Number of each sample's lineage and common name: `Feed.manifest.captions` gives its five captions."""
    keys: tuple[str, ...]

    def digest(self) -> str:
        """Return a digest of keys, labels and pixels."""
        digest = hashlib.sha256("\n".join(self.keys).encode())
        for array in (self.images, self.taxa, self.names):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


class Feed:
    """Batches of a dataset's shards.

    `where` is the folder of a run, its folder `shards`, or an address of such a folder that fsspec knows
    ('s3://bucket/shards'). Conditions (`rules.where`) ask the run's catalog where there is one, else the columns of the
    manifest. What is selected lies in a cache that all processes of a machine share (docs/feed.md), so that a feed
    may be pickled, as names alone, forked, and used from one thread at a time.

    Raises FeedError when rules or view cannot be, when nothing is selected, or when the shards cannot be read.
    """

    def __init__(self, where: str | os.PathLike[str], rules: Rules, view: View | None = None) -> None:
        view = view or View()
        if not isinstance(rules, Rules) or not isinstance(view, View):
            raise FeedError(f"a feed is asked for with {rules!r} and {view!r}", expected="Rules(batch), and a View")
        rules.check()
        check_kinds("view", view)
        view.check()
        self.rules, self.view = rules, view
        self._folder, self._catalog = located(os.fspath(where))
        self._open()

    def _open(self, entry: str = "") -> None:
        rules = self.rules
        self._store = open_store(self._folder)
        self.manifest: Manifest = read_manifest(self._store, rules.split, rules.where, self._catalog, entry)
        self.sequence = Sequence(self.manifest, rules)
        self.digest = self._digest()
        self._crop_key = subkey(rules.seed, "crops")
        self._blocks: OrderedDict[tuple[int, int], dict[int, Jpeg]] = OrderedDict()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def __len__(self) -> int:
        return len(self.manifest)

    @property
    def folder(self) -> str:
        """The folder or address of the shards."""
        return self._folder

    def most(self, world: int) -> int:
        """Return the samples of a rank's part of a full batch."""
        batch = min(self.rules.batch, len(self)) if self.rules.once else self.rules.batch
        return batch // max(1, world)

    def again(self, rules: Rules) -> Feed:
        """Return a feed of the same shards and view with other rules."""
        return Feed(self._folder if self._catalog is None else self._catalog, rules, self.view)

    def __getstate__(self) -> dict[str, Any]:
        """Return names alone: what they stand for is mapped again, or made again where it is not there."""
        names = {name: self.__dict__[name] for name in ("rules", "view", "_folder", "_catalog")}
        return {**names, "digest": self.digest, "entry": self.manifest.entry}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: state[name] for name in ("rules", "view", "_folder", "_catalog")})
        self._open(state["entry"])
        if self.digest != state["digest"]:
            raise FeedError(
                "the shards were changed since this feed was opened",
                self._folder,
                f"digest {state['digest']}, found {self.digest}",
                "open the feed again",
            )

    def batch(self, step: int, rank: int = 0, world: int = 1, images: npt.NDArray[np.uint8] | None = None) -> Batch:
        """Return the part of a step's batch that a rank trains on: slice `rank` of `world` equal ones.

        `images`: an array of the batch's shape that is filled, such as memory that is shared or pinned; a new one
        without it. Raises FeedError for a step or rank that cannot be, for an array of another shape, for a sample that
        cannot be read or decoded, and for images that memory cannot hold.
        """
        with enough_memory(self.most(world), self.view.size, images is not None):
            return self._batch(step, self.sequence.places(step, rank, world), images)

    def _batch(self, step: int, places: Rows, images: npt.NDArray[np.uint8] | None) -> Batch:
        size, manifest = self.view.size, self.manifest
        shape = (places.size, size, size, 3)
        if images is None:
            images = np.empty(shape, np.uint8)
        elif images.shape != shape or images.dtype != np.uint8:
            raise FeedError(
                f"the images are {images.dtype} of shape {images.shape}", expected=f"uint8 of shape {shape}"
            )
        rows, jpegs, keys = self._read(step, places)
        draws: list[list[float]] = [[]] * places.size
        if self.view.crop == "random":
            draws = uniforms(self._crop_key, self.sequence.positions(step, places), DRAWS).tolist()

        def put(place: int) -> None:
            try:
                images[place] = show(jpegs[place], self.view, draws[place])
            except FeedError as error:
                span = manifest.span(rows[place])
                where = f"{self._store.where}/{span.name}, byte {span.start}, key {keys[place]}"
                raise FeedError(error.what, where, error.expected, error.remedy or _VERIFY) from error

        for _ in self._each(put, places.size):
            pass
        return Batch(step, images, manifest.taxon[rows].astype(np.int64), manifest.name[rows].astype(np.int64), keys)

    def stored(self, step: int) -> tuple[tuple[str, ...], list[Jpeg]]:
        """Return the keys of a step's whole batch and its images as the shards hold them: JPEGs, not decoded."""
        _, jpegs, keys = self._read(step, self.sequence.places(step, 0, 1))
        return keys, jpegs

    def keys(self, step: int, rank: int = 0, world: int = 1) -> tuple[str, ...]:
        """Return the keys of a batch without reading any image."""
        return tuple(self.manifest.keys_of(self.sequence.rows(step, rank, world)))

    def steps(self, start: int, stop: int, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """Yield the batches of steps `start` to `stop` - 1, in order."""
        for step in range(start, stop):
            yield self.batch(step, rank, world)

    def state(self, step: int) -> dict[str, Any]:
        """Return what a checkpoint must hold to go on at `step`: the step, and what is read, in some 600 bytes of JSON.

        What is read is a digest, and its parts, by which a state of others can say what is not the same.
        """
        return {"step": step, "digest": self.digest, **self._parts()}

    def resume(self, state: Mapping[str, Any]) -> int:
        """Return the step to go on at; raises FeedError when the state is of other data, rules or view."""
        if not isinstance(state, Mapping):
            raise FeedError(f"the state is {type(state).__name__}", expected="what state() or state_dict() gave")
        step = state.get("step")
        if state.get("digest") != self.digest:
            raise FeedError(
                "the checkpoint was made with other data or other rules",
                "; ".join(differences(state, self._parts())) or f"digest {state.get('digest')}",
                f"digest {self.digest}",
                "resume with the same shards, rules and view, or begin a new run",
            )
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise FeedError(f"the checkpoint's step is {step!r}", expected="a number from 0")
        return step

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps({"version": _VERSION, **self._parts()}, sort_keys=True).encode()).hexdigest()

    def _parts(self) -> dict[str, Any]:
        """Return what decides every batch, as JSON holds it."""
        return {
            "manifest": self.manifest.digest,
            "selected": self.manifest.selection(),
            "rules": _decisive(self.rules),
            "view": {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self.view).items()},
        }

    def _read(self, step: int, places: Rows) -> tuple[Rows, list[Jpeg], tuple[str, ...]]:
        """Return rows, JPEGs and keys at the places of a step's batch; every JPEG has the tar header of its key."""
        rows = np.empty(places.size, np.int64)
        jpegs: list[Jpeg] = [b""] * places.size
        parts = list(self.sequence.parts(step, places))
        for part in parts:
            rows[part.where] = part.rows
            found = self._images(part.rows, joined=False) if part.block is None else self._block(part.block, len(parts))
            for where, row in zip(part.where.tolist(), part.rows.tolist(), strict=True):
                jpegs[where] = found[row]
        return rows, jpegs, tuple(self.manifest.keys_of(rows))

    def _block(self, block: Block, used: int) -> dict[int, Jpeg]:
        """Return the JPEGs of a block by row, reading it when it is not held; holds no more than a batch touches."""
        name = (block.epoch, block.number)
        held = self._blocks.pop(name, None)
        if held is None:
            held = self._images(block.rows, joined=True)
        self._blocks[name] = held
        while len(self._blocks) > max(1, used):
            self._blocks.popitem(last=False)
        return held

    def _images(self, rows: Rows, joined: bool) -> dict[int, Jpeg]:
        """Return the JPEGs of rows; `joined`: the rows ascend, and neighbours are read in one go."""
        runs: list[tuple[Span, list[tuple[int, str, Span]]]] = []
        for row, key in zip(rows.tolist(), self.manifest.keys_of(rows), strict=True):
            image = self.manifest.span(row)
            span = with_header(image, key)
            if joined and runs and _joins(runs[-1][0], span):
                whole, inside = runs[-1]
                inside.append((row, key, image))
                runs[-1] = (Span(span.name, whole.start, span.end, whole.key), inside)
            else:
                runs.append((span, [(row, key, image)]))
        held: dict[int, Jpeg] = {}
        for (whole, inside), data in zip(runs, self._store.spans([run for run, _ in runs]), strict=True):
            view = memoryview(data)
            for row, key, image in inside:
                start, end = image.start - HEADER - whole.start, image.end - whole.start
                found = checked(view[start:end], key, image, self._store.where)
                # A view would keep all that was read in one go, which is more than the images.
                held[row] = bytes(found) if joined else found
        return held

    def _each(self, work: Any, count: int) -> Iterator[None]:
        """Apply `work` to 0 ... count - 1, on the feed's threads; those of a parent process are not used."""
        if self.rules.threads == 1:
            yield from map(work, range(count))
            return
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = (os.getpid(), ThreadPoolExecutor(self.rules.threads))
        yield from self._pool[1].map(work, range(count))


_VERIFY = "check the shards: biomill verify RUN, or `sha256sum --check checksums.sha256` in their folder"


def _decisive(rules: Rules) -> dict[str, Any]:
    """Return the rules as they stand in a digest: `once` only where it is asked for, as other digests were without."""
    told = {**dataclasses.asdict(rules), "threads": 0, "where": "", "split": ""}
    return told if told["once"] else {name: value for name, value in told.items() if name != "once"}


def _joins(run: Span, span: Span) -> bool:
    near = span.name == run.name and 0 <= span.start - run.end <= _NEAR
    return near and span.end - run.start <= _LONGEST_SPAN


def located(where: str) -> tuple[str, Path | None]:
    """Return the folder of the shards, and the run's folder where its catalog is at hand."""
    if "://" in where:
        run = place(where)
        inside = not isinstance(run, Path) and not (run / MANIFEST).exists() and (run / "shards" / MANIFEST).exists()
        return f"{where.rstrip('/')}/shards" if inside else where, None
    folder = Path(where).absolute()
    if (folder / "shards").is_dir():
        folder = folder / "shards"
    run = folder.parent
    return str(folder), run if (run / "catalog.duckdb").is_file() and (run / "manifest.json").is_file() else None
