"""The command that a run goes on with: the one that was typed, without what held for that time alone."""

from __future__ import annotations

import shlex

from pipeline.storage.files.atomic import write_text
from pipeline.storage.places import Place

_NOTE = ".command"
_ONCE = ("--until", "--retry")
"""Options with a value that a run which goes on to its end does not need again."""


def going_on(typed: str) -> str:
    """Return what was typed as the command that goes on to the end.

    >>> going_on("biomill run a.toml -o out --until screen --retry=timeout --workers 2")
    'biomill run a.toml -o out --workers 2'
    """
    kept: list[str] = []
    words = iter(shlex.split(typed))
    for word in words:
        if word in _ONCE:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in _ONCE)):
            kept.append(word)
    return shlex.join(kept)


def note_command(root: Place, typed: str) -> None:
    """Note in the run's folder what was typed, so that whoever asks a stopped run is told how it goes on.

    A run that was not typed takes an older note away.
    """
    if typed:
        write_text(root / _NOTE, typed + "\n")
    else:
        (root / _NOTE).unlink(missing_ok=True)


def go_on(root: Place) -> str:
    """Return the command that goes on with the run of a folder.

    >>> from pathlib import Path
    >>> go_on(Path("out/mine"))
    'biomill run RECIPE -o out/mine'
    """
    try:
        typed = (root / _NOTE).read_text(encoding="utf-8").strip()
        return going_on(typed) if typed else shlex.join(["biomill", "run", "RECIPE", "-o", str(root)])
    except (OSError, ValueError):
        return shlex.join(["biomill", "run", "RECIPE", "-o", str(root)])
