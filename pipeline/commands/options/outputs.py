"""What each command's -o may name: a folder that is new, empty, or holds what the same command wrote before.

A folder of other things, such as a package's source, is never written into. That is decided here, before a command
begins, for all of them alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.model.errors import UsageError

SOURCE_MARKS = ("__init__.py", "pyproject.toml", "setup.py", ".git")
"""What a folder of source holds."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command's -o names."""

    is_file: bool = False
    marks: tuple[str, ...] = ()
    """Patterns of names, one of which stands in a folder that the command wrote; empty: it may hold anything else but
    a package's source."""


OUTPUTS: Mapping[str, Output] = {
    "run": Output(marks=("manifest.json",)),
    "plan": Output(marks=("manifest.json",)),
    "init": Output(is_file=True),
    "demo": Output(marks=("corpus/corpus.json", "run/manifest.json")),
    "export": Output(marks=("ATTRIBUTION.parquet",)),
    "train": Output(marks=("settings.json",)),
    "neighbours": Output(is_file=True),
    "evaluate": Output(marks=("evaluation.json", "vectors/_begun.json")),
    "report": Output(is_file=True),
    "records": Output(marks=("records.parquet", "rejects.parquet")),
    "fetch": Output(marks=(".fetch", "outcomes.parquet")),
    "images": Output(marks=("*.jpg", "**/*.jpg")),
    "plan-gbif": Output(marks=("predicate-000.json", "plan.json")),
    "pull gbif": Output(marks=("pull.json", "release.json")),
    "pull gbif-pages": Output(marks=("pull.json", "release.json")),
    "taxonomy build": Output(marks=("MANIFEST.json",)),
    "taxonomy pull": Output(),
    "taxonomy resolve": Output(is_file=True),
    "taxonomy diff": Output(is_file=True),
    "taxonomy tree": Output(is_file=True),
    "dedup": Output(marks=("decisions.parquet",)),
    "leakage hash": Output(is_file=True),
    "leakage check": Output(marks=("leaks.parquet",)),
    "leakage certify": Output(marks=("statement.txt",)),
}
"""By the words of the command."""


def words_of(args: argparse.Namespace) -> str:
    """Return the words by which a command was called.

    >>> words_of(argparse.Namespace(command="taxonomy", verb="build"))
    'taxonomy build'
    """
    return " ".join(getattr(args, name) for name in ("command", "verb", "what") if _is_word(args, name))


def _is_word(args: argparse.Namespace, name: str) -> bool:
    # `what` of `taxonomy pull` is the taxonomy that is asked for.
    return hasattr(args, name) and not (name == "what" and hasattr(args, "verb"))


def check_output(args: argparse.Namespace) -> None:
    """Raise UsageError where -o names what is not for this command to write over."""
    output, out = OUTPUTS.get(words_of(args)), getattr(args, "out", None)
    if output is None or not isinstance(out, Path) or not out.exists():
        return
    if output.is_file:
        if out.is_dir():
            raise UsageError("-o names a folder", str(out), "a file", f"name a file in it: -o {out}/NAME")
        if not out.is_file():  # a file is written beside its name and renamed to it: that would replace a device
            raise UsageError("-o names a device or a pipe", str(out), "a file", "name another place")
        return
    if not out.is_dir():
        raise UsageError("-o names a file", str(out), "a folder", "name another place")
    strangers = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    source = next((name for name in SOURCE_MARKS if (out / name).exists()), "")
    written = not output.marks or any(next(out.glob(mark), None) is not None for mark in output.marks)
    if (source and output.marks) or (strangers and not written) or source == SOURCE_MARKS[0]:
        raise UsageError(
            "the output folder holds other things",
            f"{out} holds {source or strangers[0]!r}",
            "a new or empty folder, or one that the same command wrote before",
            f"name another folder, such as -o out/{out.resolve().name}",
        )
