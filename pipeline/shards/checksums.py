"""Checksums of the files of a dataset, in the format of GNU sha256sum, sorted by name.

`sha256sum --check checksums.sha256` verifies them without Biomill.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.model.errors import VerifyError
from pipeline.shards.index import read_text, write_text
from pipeline.storage.places import Place, RemotePath, place

CHECKSUMS = "checksums.sha256"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_NAME = re.compile(r"[^\x00-\x1f\x7f\\/ ][^\x00-\x1f\x7f\\]*")  # sha256sum would escape the names left out here


def checksum_text(digests: Mapping[str, str]) -> str:
    """Return the text of a checksum file from SHA-256 hex digests by file name, sorted by name.

    Raises ValueError for a name that sha256sum would have to escape.

    >>> checksum_text({"b.tar": "0" * 64, "a.tar": "f" * 64}).splitlines()[0][-9:]
    'ff  a.tar'
    """
    for name in digests:
        if not _NAME.fullmatch(name) or ".." in name.split("/"):
            raise ValueError(f"{name!r} cannot be a name in a checksum file")
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def file_digest(path: str | os.PathLike[str] | RemotePath) -> str:
    """Return the SHA-256 of a file in hex, reading it in pieces. Raises VerifyError when it cannot be read."""
    try:
        if isinstance(path, RemotePath):
            return path.digest()
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VerifyError(
            f"the file cannot be read: {error.strerror}", str(path), "a file that the dataset promises"
        ) from error


def write_checksums(
    folder: str | os.PathLike[str] | RemotePath,
    names: Iterable[str],
    known: Mapping[str, str] | None = None,
    name: str = CHECKSUMS,
) -> Place:
    """Write the checksum file `name` of the named files of a folder, and give its path.

    `known` are digests that were taken while the files were written; the other files are read. Raises VerifyError for
    a file that cannot be read, StorageError when the checksum file cannot be written.
    """
    root, taken = place(folder), known or {}
    target = root / name
    digests = {each: taken[each] if each in taken else file_digest(root / each) for each in names}
    write_text(target, checksum_text(digests))
    return target


def read_checksums(path: str | os.PathLike[str] | RemotePath) -> dict[str, str]:
    """Read a checksum file: SHA-256 hex digests by file name.

    Raises VerifyError for a line that is no checksum, a name twice, and a name that leads out of the folder.
    """
    return parse_checksums(read_text(place(path)), str(path))


def parse_checksums(text: str, where: str) -> dict[str, str]:
    """Return the digests by file name of the text of a checksum file; raises as `read_checksums` does.

    >>> parse_checksums("0" * 64 + "  a.tar", "here").keys()
    dict_keys(['a.tar'])
    """
    digests: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        found = _LINE.fullmatch(line)
        line_of = f"{where}, line {number}"
        if found is None:
            raise VerifyError(f"the line is no checksum: {line[:100]!r}", line_of, "64 hex digits, two blanks, a name")
        digest, name = found.groups()
        if not _NAME.fullmatch(name) or ".." in name.split("/"):
            raise VerifyError(f"the name {name!r} may lead out of the folder", line_of, "a file of the folder")
        if name in digests:
            raise VerifyError(f"the name {name!r} comes twice", line_of, "each file once")
        digests[name] = digest
    return digests


def verify_checksums(folder: str | os.PathLike[str] | RemotePath, promised: Iterable[str] = ()) -> int:
    """Hash every file that a folder's checksum file lists and give their number.

    `promised` are names that must be listed. Raises VerifyError for the first (by name) that is not, that is missing,
    or whose content has changed.
    """
    root = place(folder)
    path = root / CHECKSUMS
    digests = read_checksums(path)
    for name in sorted(promised):
        if name not in digests:
            raise VerifyError(f"{name!r} has no checksum", str(path), remedy="write the checksums again")
    for name in sorted(digests):
        actual = file_digest(root / name)
        if actual != digests[name]:
            raise VerifyError(
                f"{name!r} has changed since it was written",
                str(root / name),
                f"sha256 {digests[name]}, found {actual}",
                "restore the file, or run the shards stage again",
            )
    return len(digests)
