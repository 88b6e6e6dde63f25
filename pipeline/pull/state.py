"""What a pull has achieved so far, in one small file that is replaced as a whole: the only memory between two runs.

Neither credentials nor anything that changes between equal runs is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.pull.pull_errors import PullError
from pipeline.storage.files.atomic import storage_error, sweep, write_json

STATE_FILE = "pull.json"
_LOCK_FILE = "pull.lock"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class PullState:
    """How far one download is."""

    base: str
    """Address of the API."""
    request: Mapping[str, Any]
    """What is asked for: format, predicate, checklistKey; or the key of a download that exists."""
    asked: bool = False
    """Whether the request may have been sent: written before it is, so that a lost answer is looked for."""
    before: str = ""
    """Key of the user's newest download before the request was sent."""
    key: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """The last word of the API about the download."""
    etag: str = ""
    """Validator of the file whose first bytes are here (RFC 9110, section 8.8.3)."""
    done: bool = False
    schema: int = _SCHEMA

    def write(self, folder: Path) -> PullState:
        """Write the state atomically; gives itself."""
        write_json(folder / STATE_FILE, asdict(self))
        return self


def read_state(folder: Path) -> PullState | None:
    """Return the state of a folder, None when nothing was pulled into it; raises PullError when it cannot be read."""
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        state = PullState(**value)
    except (ValueError, TypeError) as error:
        raise PullError(
            "the state of the pull cannot be read", where=str(path), remedy="remove it to start over"
        ) from error
    if state.schema != _SCHEMA:
        raise PullError(
            "the state was written by another version", where=str(path), remedy="finish with that version, or remove it"
        )
    return state


@contextmanager
def only_puller(folder: Path) -> Iterator[None]:
    """Hold a folder for one puller and sweep what killed ones left; raises PullError when another holds it.

    The lock goes away with its process, however that ends.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK_FILE).open("a")
    except OSError as error:
        raise storage_error(error, folder) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PullError(
                "another pull is writing into this folder", where=str(folder), remedy="wait for it, or use another"
            ) from error
        sweep(folder)
        yield
