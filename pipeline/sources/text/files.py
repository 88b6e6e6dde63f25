"""The text tables of a release: found once by `inspect`, remembered in `Release.facts`, cut by `plan`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from manifests.tables import Dialect
from pipeline.sources.release.archive import Archive
from pipeline.sources.release.base import Split
from pipeline.sources.text.delimited import cut


@dataclass(frozen=True, slots=True)
class TextFile:
    """One file of a table."""

    table: str
    """Name of the native table."""
    member: str
    """Name of the file in the release."""
    start: int
    """Byte offset behind the header."""
    columns: tuple[str, ...]
    dialect: Dialect


def pack(files: Sequence[TextFile]) -> str:
    """Write files as one string for `Release.facts`."""
    return json.dumps([asdict(file) for file in files], sort_keys=True)


def unpack(packed: str) -> tuple[TextFile, ...]:
    """Read what `pack` wrote.

    >>> file = TextFile("metadata", "a.csv", 9, ("a", "b"), Dialect(",", quoted=True))
    >>> unpack(pack([file])) == (file,)
    True
    """
    return tuple(
        TextFile(item["table"], item["member"], item["start"], tuple(item["columns"]), Dialect(**item["dialect"]))
        for item in json.loads(packed)
    )


def dialect_of(packed: str, table: str) -> Dialect:
    """Return the dialect of a table."""
    return next(file.dialect for file in unpack(packed) if file.table == table)


def cut_files(archive: Archive, files: Sequence[TextFile], spool: Path, target_bytes: int) -> tuple[Split, ...]:
    """Cut the files into splits, unpacking into `spool` what cannot be read in place."""
    members = {member.name: member for member in archive.members}
    splits: list[Split] = []
    for file in files:
        member = members[file.member]
        splits += cut(
            archive.readable(member, spool),
            file.dialect,
            table=file.table,
            origin=archive.origin(member),
            columns=file.columns,
            start=file.start,
            target_bytes=target_bytes,
        )
    return tuple(splits)
