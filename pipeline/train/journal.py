"""The journal of a training run: a line of JSON for each step, once however often the run stopped."""

from __future__ import annotations

import json
from typing import Any

from pipeline.storage.files.atomic import write_text
from pipeline.storage.places import Place

NAME = "log.jsonl"


class Journal:
    """Lines of `log.jsonl` in a folder, or at an address.

    `step`: where the run goes on; what an earlier process noted from there on is forgotten, as it is done again.
    A line that a kill cut off is forgotten too. `lines`: all that is noted.

    >>> from pipeline.storage.places import place
    >>> journal = Journal(place("memory://doctest-journal"), 0)
    >>> journal.note(0, loss=2.5)
    >>> journal.write()
    >>> [line["loss"] for line in read_journal(place("memory://doctest-journal"))]
    [2.5]
    """

    def __init__(self, folder: Place, step: int) -> None:
        self._path = folder / NAME
        self.lines = [line for line in read_journal(folder) if line["step"] < step]

    def note(self, step: int, **facts: Any) -> None:
        """Note the facts of a step."""
        self.lines.append({"step": step, **facts})

    def write(self) -> None:
        """Write the file anew, whole or not at all."""
        write_text(self._path, "".join(f"{json.dumps(line)}\n" for line in self.lines))


def read_journal(folder: Place) -> list[dict[str, Any]]:
    """Return the lines of a folder's journal, in the order of steps; none where there is no journal yet."""
    path = folder / NAME
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines
