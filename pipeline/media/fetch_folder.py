"""Where fetched units go: a folder of a disk, or one at an address with a folder of this machine before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakSet

from pipeline.media.journal import Journal
from pipeline.media.segments import SUFFIX, RemoteJournal
from pipeline.model.errors import StorageError
from pipeline.storage.places import Place, RemotePath, place
from pipeline.storage.places.scratch import scratch_folder
from pipeline.storage.unit_files import unit_path


class FetchFolder:
    """A fetch's folder on a disk: units and journals lie in it from their first byte on."""

    def __init__(self, where: Place, here: Path) -> None:
        self.where = where
        """The folder, as all workers see it: plans, finished units, what is known of hosts."""
        self.here = here
        """A folder of this machine for what grows: the same on a disk."""
        self._counted: list[Counter[str]] = []

    def done(self, unit: str) -> bool:
        """Return whether a unit's file is there."""
        return (self.here / unit_path(unit)).exists()

    def journal(self, unit: str, files: Path | None) -> Journal:
        """Return the journal of a unit, with what an earlier worker left of it."""
        return Journal(self.here, unit, files)

    def finish(self, journal: Journal) -> None:
        """Write a unit whose media are all noted."""
        journal.finish()
        self._counted.append(journal.outcomes())  # of several threads

    def counted(self) -> Counter[str]:
        """Return how the images of the units ended that were written through this object."""
        return sum(self._counted, Counter())


class RemoteFetchFolder(FetchFolder):
    """A fetch's folder at an address: a unit is on this machine while it grows, and there when it is whole."""

    def __init__(self, where: RemotePath, here: Path) -> None:
        super().__init__(where, here)
        self._remote = where
        self._done = {name.rpartition("/")[2] for name in (where / "media").listing()}
        self._left: dict[str, list[str]] = {}
        for name in (where / "journal").listing():
            if name.endswith(SUFFIX):
                self._left.setdefault(name.partition(".")[0], []).append(f"journal/{name}")
        self._open: WeakSet[RemoteJournal] = WeakSet()

    def done(self, unit: str) -> bool:
        """Return whether a unit's file was there when the task began."""
        return f"{unit}.parquet" in self._done

    def journal(self, unit: str, files: Path | None) -> Journal:
        """Return the journal of a unit, with what a lost worker uploaded of it."""
        journal = RemoteJournal(self._remote, self.here, unit, self._left.pop(unit, ()))
        self._open.add(journal)
        return journal

    def flush(self) -> None:
        """Upload what is noted of units that are not whole."""
        for journal in list(self._open):
            journal.flush()


@contextmanager
def fetch_folder(address: str) -> Iterator[FetchFolder]:
    """Yield the folder of a fetch to work in; what is noted of unfinished units is kept, however the block ends."""
    where = place(address)
    if isinstance(where, Path):
        yield FetchFolder(where, where)
        return
    with scratch_folder() as here:
        folder = RemoteFetchFolder(where, here)
        try:
            yield folder
        except BaseException:
            with suppress(StorageError):  # what ended the block is what is told
                folder.flush()
            raise
        folder.flush()
