"""Notes beside a fetch that say it pauses, so that progress and `biomill status` can tell it from one that hangs."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from pipeline.storage.files.atomic import read_json, write_json

_FRESH_SECONDS = 90.0
"""A pause is noted again at least every half minute; an older note is of a process that was killed."""


class PauseNote:
    """The note of one fetcher; called with a sentence it is written, with an empty one it goes.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> note = PauseNote(folder); note("paused, for ..."); pauses(folder)
    ['paused, for ...']
    >>> note(""); pauses(folder)
    []
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / f"pause-{secrets.token_hex(4)}.json" if folder else None

    def __call__(self, text: str) -> None:
        """Write the note, or remove it."""
        if self._path is None:
            return
        if text:
            write_json(self._path, {"text": text})
        else:
            self._path.unlink(missing_ok=True)


def pauses(folder: Path) -> list[str]:
    """Return what the fetchers of a folder say of their pauses now."""
    found = []
    for path in sorted(folder.glob("pause-*.json")):
        try:
            if time.time() - path.stat().st_mtime < _FRESH_SECONDS:
                found.append(str(read_json(path)["text"]))
        except FileNotFoundError:  # the pause ended in between
            continue
    return sorted(set(found))
