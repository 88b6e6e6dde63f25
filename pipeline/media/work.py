"""Working off a part of a plan: many hosts at a time, one decode at a time, every answer noted as it comes.

Knows no Beam: the fetch stage and `biomill fetch` both call it, in whatever process they like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from manifests import FetchRules, ImageRules
from pipeline.media.fetched import Fetched
from pipeline.media.fetcher import Fetcher
from pipeline.media.journal import Journal
from pipeline.media.mirrors import Mirrors
from pipeline.media.originals import keep_original
from pipeline.media.reuse import reused
from pipeline.media.stored import stored_images
from pipeline.media.stores import Store, open_store

_READERS = 8  # of an object store, where a read waits for a network


@dataclass(frozen=True, slots=True)
class FetchTask:
    """Units of one plan that are worked off together: those of some lanes, or one unit of a local store."""

    plan: str
    """The plan, relative to the folder."""
    hosts: tuple[tuple[str, tuple[tuple[int, str], ...]], ...]
    """(host, its units in order: (row group of the plan, unit name))."""
    share: float = 1.0
    """Part of each host's rate and connections."""
    store: str = ""
    """Path of the store that holds the media; empty: the network."""
    reuse: str = ""
    """Table of earlier answers, relative to the folder; empty: there are none."""


def unit_path(name: str) -> str:
    """Give the output of a unit, relative to the folder."""
    return f"media/{name}.parquet"


@dataclass(frozen=True, slots=True)
class FetchUnits:
    """Work off one task into a folder; what is there is not done again."""

    folder: str
    fetch: FetchRules
    image: ImageRules
    files: str = ""
    """Folder for the images as files, by the id of their medium; empty: they go into the blobs of their units."""

    def __call__(self, task: FetchTask) -> None:
        """Fetch every medium of the task that is not noted yet, and write every unit whose media are all noted."""
        folder = Path(self.folder)
        with Mirrors(self.fetch.mirrors) as mirrors:
            if task.store:
                self._from_store(folder, task)
                return
            if self.fetch.mirrors or task.reuse:
                self._from_here(folder, task, mirrors)
            with Fetcher(self.fetch, task.share, folder / "robots", folder / "network") as fetcher:
                feeds = [(host, self._feed(folder, task, units)) for host, units in task.hosts]
                for (unit, media_id), fetched in fetcher.answers(feeds):
                    self._note(unit, media_id, fetched)

    def _feed(
        self, folder: Path, task: FetchTask, units: Sequence[tuple[int, str]]
    ) -> Iterator[tuple[tuple[_Unit, str], str]]:
        """Give what is to be asked of one host; read by the scheduler's threads, so it changes no unit."""
        for unit in self._units(folder, task, units):
            for media_id, rows in list(unit.wanted.items()):
                yield (unit, media_id), str(rows[0]["address"])

    def _from_here(self, folder: Path, task: FetchTask, mirrors: Mirrors) -> None:
        """Note what needs no network, before anything is asked for: earlier answers, and what mirrors hold."""
        for _, units in task.hosts:
            for unit in self._units(folder, task, units, reuse=True):
                for media_id, rows in list(unit.wanted.items()):
                    held = mirrors.read(str(rows[0]["address"]), self.fetch.max_bytes)
                    if held is not None:
                        self._note(unit, media_id, held)

    def _from_store(self, folder: Path, task: FetchTask) -> None:
        store, cap = _store(task.store), self.fetch.max_bytes
        for unit in self._units(folder, task, [place for _, units in task.hosts for place in units]):
            wanted = [(media_id, str(rows[0]["address"])) for media_id, rows in unit.wanted.items()]
            if store.remote:
                with ThreadPoolExecutor(_READERS, thread_name_prefix="biomill-store") as pool:
                    # A few at a time, so that what waits to be decoded stays bounded.
                    for start in range(0, len(wanted), _READERS):
                        part = wanted[start : start + _READERS]
                        answers = pool.map(lambda pair: store.read(pair[1], cap), part)
                        for (media_id, _), fetched in zip(part, answers, strict=True):
                            self._note(unit, media_id, fetched)
                continue
            for media_id, path in wanted:
                self._note(unit, media_id, store.read(path, cap))

    def _units(
        self, folder: Path, task: FetchTask, units: Sequence[tuple[int, str]], reuse: bool = False
    ) -> Iterator[_Unit]:
        """Give the units that have media to ask for; those that lack none, or nothing but writing, are done here."""
        plan, files = pq.ParquetFile(folder / task.plan), Path(self.files) if self.files else None
        for group, name in units:
            journal = Journal(folder, name, files)
            if (folder / unit_path(name)).exists():
                journal.drop()  # a kill may have come between the two
                continue
            wanted: dict[str, list[Mapping[str, Any]]] = {}
            rows = plan.read_row_group(group).to_pylist()
            if reuse:
                for images in reused(folder, task.reuse, name, rows, journal.media, files):
                    journal.note(images)
            for row in rows:
                if row["media_id"] not in journal.media:
                    wanted.setdefault(row["media_id"], []).append(row)
            if wanted:
                yield _Unit(journal, wanted)
            else:
                journal.finish()

    def _note(self, unit: _Unit, media_id: str, fetched: Fetched) -> None:
        rows = unit.wanted.pop(media_id)
        images = stored_images(rows, fetched, self.image, self.fetch.max_pixels)
        stored = [row["format"] for row, _ in images if row["outcome"] is None]
        if self.image.originals and stored:
            keep_original(Path(self.folder) / "originals", fetched.data, stored[0])
        unit.journal.note(images)
        if not unit.wanted:
            unit.journal.finish()


@dataclass(slots=True, eq=False)
class _Unit:
    """A unit in progress: its journal, and the rows of the media that are still wanted."""

    journal: Journal
    wanted: dict[str, list[Mapping[str, Any]]]


@lru_cache(maxsize=8)
def _store(path: str) -> Store:
    # Kept open for the life of the worker: listing a zip of a million members takes seconds.
    return open_store(path)
