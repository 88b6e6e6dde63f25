"""Which worker processes died, read from the marks that they leave (`sdk_worker`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Death:
    """A worker process that is gone and has not ended well."""

    pid: int
    killed: bool
    """Whether it was ended from outside, or so that it could tell nothing; False: an error ended it."""
    last_words: str
    """The last line that it printed; mostly none."""


def deaths(marks: Path) -> list[Death]:
    """Return the processes that marked their start in a folder, are gone, and did not mark that they ended well.

    >>> import tempfile
    >>> deaths(Path(tempfile.mkdtemp()))
    []
    """
    found = []
    for log in sorted(marks.glob("*.log")):
        ended = log.with_suffix(".ended")
        # Asked in this order: a process that ends well between the two has its mark by then.
        if ended.exists() or _lives(int(log.stem)) or ended.exists():
            continue
        found.append(Death(int(log.stem), not log.with_suffix(".failed").exists(), _last_line(log)))
    return found


def begun(marks: Path) -> int:
    """Return how many processes marked their start in a folder."""
    return sum(1 for _ in marks.glob("*.log"))


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
