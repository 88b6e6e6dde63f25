"""Who may write a folder at an address: a lease, where no kernel keeps a lock.

`.lease/000007.json` says who holds the folder. Each holder creates the next number, which the store gives to one alone;
it rewrites its own file every twenty seconds, and empties it of its name when it is done. Whoever comes while the last
file is younger than a minute, by the clock of the store and of nobody else, is told who holds the folder. An older one
is of a holder that died: the next number is created over it, and the dead one, should it wake, finds that it lost.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.model.errors import RunError, StorageError
from pipeline.storage.files.failures import FailureKind
from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.stores.remote_store import RemoteStore
from pipeline.storage.stores.store_error import StoreError

FOLDER = ".lease"
RENEW_SECONDS = 20.0
STALE_SECONDS = 60.0
_NUMBER = re.compile(r"(\d{6,})\.json")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds, or held, a folder."""

    owner: str
    machine: str
    pid: int
    began: str
    """ISO 8601, in UTC, by the clock of the holder's machine."""
    released: bool = False

    @classmethod
    def read(cls, data: bytes) -> Holder:
        """Return the holder that a lease's file names; a damaged file is one that nobody holds."""
        try:
            said: dict[str, Any] = json.loads(data)
            return cls(
                str(said["owner"]), str(said["machine"]), int(said["pid"]), str(said["began"]), bool(said["released"])
            )
        except (ValueError, KeyError, TypeError):
            return cls("", "", 0, "", released=True)

    def text(self) -> bytes:
        """Return what the lease's file holds."""
        said = {name: getattr(self, name) for name in ("owner", "machine", "pid", "began", "released")}
        return json.dumps(said, sort_keys=True).encode() + b"\n"


class Lease:
    """The lease of a folder at an address.

    >>> lease = Lease(RemotePath.of("memory://doctest-lease/run"))
    >>> with lease.held():
    ...     lease.holder().pid == os.getpid()
    True
    >>> lease.holder() is None
    True
    """

    def __init__(self, root: RemotePath, renew: float = RENEW_SECONDS, stale: float = STALE_SECONDS) -> None:
        """`renew`, `stale`: seconds between two renewals, and those after which a lease is of a dead holder."""
        self._root, self._folder, self._renew, self._stale = root, root / FOLDER, renew, stale
        self._lost = ""
        self._renewed = time.monotonic()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for the length of the block.

        Raises RunError when another run holds it, StorageError when it cannot be read or written.
        """
        mine = Holder(uuid.uuid4().hex, socket.gethostname(), os.getpid(), datetime.now(UTC).isoformat("T", "seconds"))
        path = self._taken(mine)
        ended = threading.Event()
        renewing = threading.Thread(target=self._renewing, args=(path, mine, ended), name="biomill-lease", daemon=True)
        renewing.start()
        store = self._root.store
        assert isinstance(store, RemoteStore)
        store.guard = self.check
        try:
            yield
        finally:
            store.guard = None
            ended.set()
            renewing.join()
            if not self._lost:
                released = Holder(mine.owner, mine.machine, mine.pid, mine.began, released=True)
                with suppress(StorageError):  # it is stale in a minute all the same
                    path.write_bytes(released.text())

    def check(self) -> None:
        """Raise RunError when the lease is no longer held: another run took it, or it could not be renewed."""
        if self._lost:
            raise RunError(
                f"the lease of the output folder was lost: {self._lost}",
                where=str(self._root),
                expected="one run that writes the folder, and a store that answers",
                remedy="see that no other run writes it, then run the same command again: it goes on from here",
            )

    def holder(self) -> Holder | None:
        """Return who holds the folder now; None when nobody does."""
        last = self._last()
        if last is None:
            return None
        holder = Holder.read(last.read_bytes())
        if holder.released:
            return None
        try:
            age = self._age(last)
        except StoreError as error:
            if error.kind is not FailureKind.REFUSED:
                raise
            age = time.time() - last.store.modified(last.key)  # whoever may only read has no other clock
        return None if age > self._stale else holder

    def _taken(self, mine: Holder) -> RemotePath:
        """Return the file of the lease that was taken."""
        for _ in range(_TRIES):
            last = self._last()
            if last is not None:
                holder = Holder.read(last.read_bytes())
                if not holder.released and (age := self._age(last)) <= self._stale:
                    raise _held(holder, age, self._stale, self._root)
            number = int(last.stem) + 1 if last is not None else 1
            path = self._folder / f"{number:06d}.json"
            # A store that answers late may have created it for a request that seemed to fail.
            if path.store.create(path.key, mine.text()) or Holder.read(path.read_bytes()).owner == mine.owner:
                self._renewed = time.monotonic()
                if last is not None:
                    self._sweep(number)
                return path
        raise RunError(
            "the lease of the output folder cannot be taken: others take it again and again",
            where=str(self._folder),
            remedy="see which runs write the folder, and let one of them do it",
        )

    def _sweep(self, number: int) -> None:
        for name in self._numbers():
            if int(name.partition(".")[0]) < number:
                with suppress(StorageError):
                    (self._folder / name).unlink()

    def _numbers(self) -> list[str]:
        return sorted((name for name in self._folder.listing() if _NUMBER.fullmatch(name)), key=lambda n: int(n[:-5]))

    def _last(self) -> RemotePath | None:
        numbers = self._numbers()
        return self._folder / numbers[-1] if numbers else None

    def _age(self, path: RemotePath) -> float:
        """Return seconds since the file was written, by the clock of the store.

        What time it is there tells a file that is written now. A store that does not say is watched instead.
        """
        probe = self._folder / f"probe-{uuid.uuid4().hex}"
        probe.write_bytes(b"")
        try:
            return float(probe.store.modified(probe.key) - path.store.modified(path.key))
        except StoreError as error:
            if error.kind is not FailureKind.FAILED:
                raise
            return self._watched(path)
        finally:
            with suppress(StorageError):
                probe.unlink()

    def _watched(self, path: RemotePath) -> float:
        before, began = path.entry(), time.monotonic()
        while time.monotonic() - began <= self._stale:
            time.sleep(min(1.0, self._renew / 4))
            if path.entry() != before:
                return 0.0
        return self._stale + 1.0

    def _renewing(self, path: RemotePath, mine: Holder, ended: threading.Event) -> None:
        """Rewrite the lease now and then, until the end or until it is lost."""
        while not ended.wait(self._renew):
            try:
                last = self._last()
                if last is None or last != path:
                    taker = Holder.read(last.read_bytes()) if last is not None else None
                    by = f"process {taker.pid} on {taker.machine} holds it since {taker.began}" if taker else "removed"
                    self._lost = by
                    return
                path.write_bytes(mine.text())
                self._renewed = time.monotonic()
            except (StorageError, FileNotFoundError) as error:
                if time.monotonic() - self._renewed > self._stale:
                    self._lost = f"it could not be renewed for {self._stale:.0f} s ({str(error).splitlines()[0]})"
                    return


def _held(holder: Holder, age: float, stale: float, root: RemotePath) -> RunError:
    return RunError(
        f"another run is writing this folder: process {holder.pid} on {holder.machine}, since {holder.began}",
        where=str(root),
        expected=f"a folder whose lease was not renewed for {stale:.0f} s; this one was {max(age, 0):.0f} s ago",
        remedy=f"wait for it, stop it, or choose another output folder; a run that died is over {stale:.0f} s later",
    )
