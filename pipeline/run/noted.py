"""What a stage notes of its tables when it is done, so that a change after the fact is found and named.

STAGE/_files.sha256      SHA-256 of every Parquet file of the stage, as `sha256sum --check` reads it
STAGE/_done.json         `files`: the SHA-256 of that list

Encoded images (`fetch/blobs`, the shards) are not listed: the first are compared with the shards byte for byte, and the
second have `checksums.sha256`. A list beside the mark, not in it: a fetch has as many files as work units.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.shards import file_digest, read_checksums, write_checksums
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, read_json, write_json
from pipeline.storage.places import Place, near_entry
from pipeline.storage.run_folder import RunFolder

NOTED = "_files.sha256"
_COPIED = 8 << 20
"""Bytes of a table at an address that is copied to be read: most were written by this machine, and are there."""


def tables(folder: Place) -> list[str]:
    """Return the Parquet files below a stage's folder, relative to it, in order of their names."""
    if not isinstance(folder, Path):
        return [name for name in folder.listing() if name.endswith(".parquet")]
    found = (path for path in folder.rglob("*.parquet") if not path.name.startswith(TEMPORARY_PREFIX))
    return sorted(path.relative_to(folder).as_posix() for path in found)


def note_files(folder: RunFolder, stage: str) -> str:
    """Write the list of a stage's tables; return the digest that belongs into its mark of completion."""
    home = folder.stage(stage)
    if isinstance(home, Path):
        names, known = tables(home), None
    else:  # what was listed need not be asked for file by file
        entries = home.listing()
        names = [name for name in entries if name.endswith(".parquet")]
        known = {name: file_digest(near_entry(home / name, entries[name], _COPIED)) for name in names}
    return file_digest(write_checksums(home, names, known, name=NOTED))


def note_late(folder: RunFolder, stage: str) -> None:
    """Note the tables of a stage that an earlier version finished without a list."""
    done: dict[str, Any] = read_json(folder.done(stage))
    if "files" not in done:
        write_json(folder.done(stage), done | {"files": note_files(folder, stage)})


def changes(folder: RunFolder, stage: str) -> Iterator[str]:
    """Return, one line each, what of a finished stage's tables is not as it was noted; reads every table once.

    Raises VerifyError when the list itself cannot be read.
    """
    root, where = folder.stage(stage), f"{stage}/{NOTED}"
    try:
        stated = read_json(folder.done(stage)).get("files")
    except (OSError, ValueError):
        stated = None
    if stated is None:
        yield f"{stage}/_done.json notes no digest of {NOTED} (run the same `biomill run` command again: it notes it)"
        if not (root / NOTED).exists():
            return
    elif file_digest(root / NOTED) != stated:
        yield f"{where} is not the list whose digest {stage}/_done.json notes"
    listed = read_checksums(root / NOTED)
    there = set(tables(root))
    for name in sorted(listed.keys() | there):
        if name not in listed:
            yield f"{stage}/{name} is no file of the stage: {where} does not list it"
        elif name not in there:
            yield f"{stage}/{name} is missing, which {where} lists"
        elif file_digest(root / name) != listed[name]:
            yield f"{stage}/{name} has changed since the stage wrote it"
