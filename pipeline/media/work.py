"""Working off a part of a plan: many hosts at a time, every answer noted as it comes.

Images are decoded one at a time as they come, those that take long in the background, so that no host's pictures hold
up the answers of another.

Knows no Beam: the fetch stage and `biomill fetch` both call it, in whatever process they like.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from manifests import FetchRules, ImageRules
from pipeline.media.background import Background
from pipeline.media.fetch_folder import FetchFolder, fetch_folder
from pipeline.media.fetcher import Fetcher
from pipeline.media.images.cost import decode_work
from pipeline.media.journal import Journal
from pipeline.media.mirrors import Mirrors
from pipeline.media.originals import keep_original
from pipeline.media.reading import READERS, read_many
from pipeline.media.reuse import reused
from pipeline.media.stored import stored_images
from pipeline.media.stores import MediaStore, open_store
from pipeline.media.task import FetchTask, Planned
from pipeline.model.fetched import Fetched
from pipeline.storage.places import place
from pipeline.storage.row_groups import row_reader

_SLOW_DECODE = 200_000_000  # nanoseconds of one core


@dataclass(frozen=True, slots=True)
class FetchUnits:
    """Work off one task into a folder; what is there is not done again."""

    waits_for_hosts: ClassVar[bool] = True
    """How long a task takes is for hosts to say, so no limit of time holds for it."""
    folder: str
    fetch: FetchRules
    image: ImageRules
    files: str = ""
    """Folder for the images as files, by the id of their medium; empty: they go into the blobs of their units."""

    def __call__(self, task: FetchTask) -> Counter[str]:
        """Fetch every medium of the task that is not noted yet, and write every unit whose media are all noted.

        Returns how the images of the units ended that were written, as `image_stored` and `image_OUTCOME`.
        """
        with fetch_folder(self.folder) as folder, Mirrors(self.fetch.mirrors) as mirrors:
            if task.store:
                self._from_store(folder, task)
                return folder.counted()
            if self.fetch.mirrors or task.reuse:
                self._from_here(folder, task, mirrors)
            known, told = folder.where / "robots", folder.here / "network"
            with Fetcher(self.fetch, task.part, task.parts, known, told) as fetcher:
                self._from_hosts(folder, task, fetcher)
            return folder.counted()

    def _from_hosts(self, folder: FetchFolder, task: FetchTask, fetcher: Fetcher) -> None:
        """Ask the hosts; what takes long to decode is noted from the background."""

        def note(key: tuple[_Unit, str], fetched: Fetched) -> None:
            try:
                self._note(*key, fetched)
            finally:
                fetcher.defer(key[0].host, -1)

        feeds = [(host, self._feed(folder, task, units)) for host, units in task.queues(folder.where)]
        with Background(folder.here, note, fetcher.fail) as background:
            for (unit, media_id), fetched in fetcher.answers(feeds):
                if fetched.ok and decode_work(fetched.data) > _SLOW_DECODE:
                    fetcher.defer(unit.host)
                    background.submit((unit, media_id), fetched)
                else:
                    self._note(unit, media_id, fetched)

    def _feed(
        self, folder: FetchFolder, task: FetchTask, units: Sequence[Planned]
    ) -> Iterator[tuple[tuple[_Unit, str], str]]:
        """Yield what is to be asked of one host; read by the scheduler's threads, so it changes no unit."""
        yield from self._wanted(folder, task, units)

    def _from_here(self, folder: FetchFolder, task: FetchTask, mirrors: Mirrors) -> None:
        """Note what needs no network, before anything is asked for: earlier answers, and what mirrors hold."""
        wanted = self._wanted(folder, task, task.planned(folder.where), reuse=True)
        if not self.fetch.mirrors:
            for _ in wanted:  # earlier answers are noted as the units are gone through
                pass
            return
        cap, readers = self.fetch.max_bytes, READERS if mirrors.remote else 1
        for (unit, media_id), held in read_many(wanted, lambda url, take: mirrors.read(url, cap, take), readers):
            if held is not None:
                self._note(unit, media_id, held)

    def _from_store(self, folder: FetchFolder, task: FetchTask) -> None:
        store, cap = _store(task.store), self.fetch.max_bytes
        wanted = self._wanted(folder, task, task.planned(folder.where))
        readers = READERS if store.remote else 1
        for (unit, media_id), held in read_many(wanted, lambda path, take: store.read(path, cap, take), readers):
            self._note(unit, media_id, held)

    def _wanted(
        self, folder: FetchFolder, task: FetchTask, units: Iterable[Planned], reuse: bool = False
    ) -> Iterator[tuple[tuple[_Unit, str], str]]:
        """Yield ((unit, medium), address) of all that is wanted of some units."""
        for unit in self._units(folder, task, units, reuse):
            for media_id, rows in list(unit.wanted.items()):
                yield (unit, media_id), str(rows[0]["address"])

    def _units(
        self, folder: FetchFolder, task: FetchTask, units: Iterable[Planned], reuse: bool = False
    ) -> Iterator[_Unit]:
        """Yield the units that have media to ask for; those that lack none, or nothing but writing, are done here."""
        plan, files = (
            row_reader(folder.where / task.plan, ("host", "store", "unit")),
            Path(self.files) if self.files else None,
        )
        for _, _, name, first, count in units:
            journal = folder.journal(name, files)
            if folder.done(name):
                journal.drop()  # a kill may have come between the two
                continue
            wanted: dict[str, list[Mapping[str, Any]]] = {}
            rows = plan.rows(first, count)
            if reuse:
                for images in reused(folder.where, task.reuse, name, rows, journal.media, files):
                    journal.note(images)
            for row in rows:
                if row["media_id"] not in journal.media:
                    wanted.setdefault(row["media_id"], []).append(row)
            if wanted:
                yield _Unit(str(rows[0]["host"]), journal, wanted, folder)
            else:
                folder.finish(journal)

    def _note(self, unit: _Unit, media_id: str, fetched: Fetched) -> None:
        images = stored_images(unit.wanted[media_id], fetched, self.image, self.fetch.max_pixels)
        stored = [row["format"] for row, _ in images if row["outcome"] is None]
        if self.image.originals and stored:
            keep_original(place(self.folder) / "originals", fetched.data, stored[0])
        with unit.lock:  # the background notes, too
            del unit.wanted[media_id]
            unit.journal.note(images)
            if not unit.wanted:
                unit.folder.finish(unit.journal)


@dataclass(slots=True, eq=False)
class _Unit:
    """A unit in progress: its journal, and the rows of the media that are still wanted."""

    host: str
    journal: Journal
    wanted: dict[str, list[Mapping[str, Any]]]
    folder: FetchFolder
    lock: threading.Lock = field(default_factory=threading.Lock)


@lru_cache(maxsize=8)
def _store(path: str) -> MediaStore:
    # Kept open for the life of the worker: listing a zip of a million members takes seconds.
    return open_store(path)
