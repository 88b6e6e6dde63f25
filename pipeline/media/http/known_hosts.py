"""Hosts that answered, and when each channel last worked: shared by the processes of a fetch through its folder.

One process may be left with dead hosts alone; that the network is up it learns from the others, and from a host that
answered before. The files are hints about the moment and no part of what is written.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable
from pathlib import Path

from pipeline.media.http.reachability import Channel, domain
from pipeline.storage.files.atomic import write_json

NEVER = float("-inf")
_KEPT = 6
_EVERY_SECONDS = 1.0
_ANSWER = "answer"


class KnownHosts:
    """What a fetch knows to have worked; without a folder, in this process alone.

    >>> known = KnownHosts(None)
    >>> known.answered("example.org", 443); known.others("a.net")
    [('example.org', 443)]
    >>> known.others("www.example.org")
    []
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file = folder / "known.json" if folder else None
        self._hosts = _read(self._file) if self._file else []
        self._touched: dict[str, float] = {}

    def answered(self, host: str, port: int) -> None:
        """Keep a host that answered over a connection that was made for it."""
        if (host, port) not in self._hosts and len(self._hosts) < _KEPT:
            self._hosts.append((host, port))
            if self._file is not None:
                write_json(self._file, sorted({*self._hosts, *_read(self._file)}))

    def others(self, host: str) -> list[tuple[str, int]]:
        """Return hosts that answered and are unrelated to a given one."""
        return [known for known in self._hosts if domain(known[0]) != domain(host)]

    def heard(self) -> None:
        """Let other processes know that a host answered."""
        self._touch(_ANSWER)

    def worked(self, channels: Iterable[Channel]) -> None:
        """Let other processes know that channels work."""
        for channel in channels:
            self._touch(channel.name.lower())

    def last_worked(self, channel: Channel, now: float) -> float:
        """Return when a channel last worked for any process, on the clock of `now`; minus infinity for never."""
        return self._last(channel.name.lower(), now)

    def last_heard(self, now: float) -> float:
        """Return when any process last heard an answer, on the clock of `now`; minus infinity for never."""
        return self._last(_ANSWER, now)

    def _touch(self, name: str) -> None:
        now = time.monotonic()
        if self._folder is not None and now - self._touched.get(name, NEVER) >= _EVERY_SECONDS:
            self._touched[name] = now
            with contextlib.suppress(OSError):  # a hint that is lost costs nothing
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / f"{name}.at").touch()

    def _last(self, name: str, now: float) -> float:
        if self._folder is None:
            return NEVER
        try:
            # Wall time, because processes share no other clock: it decides when to give up, never what is written.
            return now - max(0.0, time.time() - (self._folder / f"{name}.at").stat().st_mtime)
        except FileNotFoundError:
            return NEVER


def _read(path: Path) -> list[tuple[str, int]]:
    try:
        return [(str(host), int(port)) for host, port in json.loads(path.read_text(encoding="utf-8"))][:_KEPT]
    except (OSError, ValueError, TypeError):
        return []
