"""Read the samples of a shard front to back, as quickly as headers can be stepped over; for shards that one trusts.

`walk` checks everything and reads no data; `scan` gives the data and checks only what it must to find the next header.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.model.errors import VerifyError
from pipeline.shards.tar import BLOCK

Sample = tuple[str, dict[str, bytes]]


def scan(path: str | os.PathLike[str]) -> Iterator[Sample]:
    """Yield the samples of a ustar shard in file order: the key, and the bytes of each member by its suffix.

    Members of a sample follow one another. Raises VerifyError at what is no header of a plain file, or at a member
    that the file is too short for.

    >>> import tempfile
    >>> from pipeline.shards.tar import ShardWriter
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     shard = ShardWriter(file)
    ...     _ = shard.add("a1", [("jpg", b"..."), ("sci.txt", b"a photo of Puma.")])
    ...     shard.close()
    ...     file.flush()
    ...     list(scan(file.name))
    [('a1', {'jpg': b'...', 'sci.txt': b'a photo of Puma.'})]
    """
    with Path(path).open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise VerifyError("the file is empty", str(path), "a shard")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if hasattr(data, "madvise"):
                data.madvise(mmap.MADV_SEQUENTIAL)
            yield from _samples(data, str(path))


def _samples(data: mmap.mmap, path: str) -> Iterator[Sample]:
    offset, total = 0, len(data)
    current, members = b"", dict[str, bytes]()
    while True:
        block = data[offset : offset + BLOCK]
        if block[:1] == b"\0" or not block:
            break
        if block[257:262] != b"ustar" or block[156:157] not in (b"0", b"\0") or block[345:346] != b"\0":
            raise _fault(path, offset, "this is no header of a plain file with a short name")
        key, _, suffix = block[: block.index(b"\0")].partition(b".")
        try:
            size = int(block[124:135], 8)
        except ValueError as error:
            raise _fault(path, offset, "the size is no octal number") from error
        start = offset + BLOCK
        offset = start + size + -size % BLOCK
        if offset > total:
            raise _fault(path, start - BLOCK, "the archive ends inside this member")
        if key != current:
            if members:
                yield current.decode(), members
            current, members = key, {}
        members[suffix.decode()] = data[start : start + size]
    if members:
        yield current.decode(), members


def _fault(path: str, offset: int, what: str) -> VerifyError:
    return VerifyError(what, f"{path}, byte {offset}", "a shard as Biomill writes it", "check it with `biomill verify`")
