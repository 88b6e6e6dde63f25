"""Files that are either whole or absent.

Every output of the pipeline is written under a temporary name in its own folder and renamed when it is complete: a
killed run, a full disk or a crashed worker never leaves half a file under a final name. Temporary names are
recognisable, so that the next run can sweep them.
"""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.model.errors import StorageError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


class Remote(Protocol):
    """What an address must offer to be written to and read from: `pipeline.storage.places.RemotePath` does."""

    def written(self) -> AbstractContextManager[Path]:
        """Yield a path of this machine to write, which is uploaded when the block ends well."""

    def read_text(self, encoding: str = ...) -> str:
        """Return the whole file as text."""

    def create(self, data: bytes) -> bool:
        """Write a small file unless there is one of that name; return whether it was written."""


Place = Path | Remote
TEMPORARY_PREFIX = ".tmp-"


def storage_error(error: OSError, path: Place) -> StorageError:
    """Turn an operating system error on writing into one that says what to do."""
    remedies = {
        errno.ENOSPC: "free some space, or choose another output folder; then run the same command again",
        errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again",
        errno.EACCES: "make the folder writable for this user, or choose another output folder",
        errno.EPERM: "make the folder writable for this user, or choose another output folder",
        errno.EROFS: "the file system is read-only: choose another output folder",
        errno.ENAMETOOLONG: "choose an output folder with a shorter path",
    }
    reason = error.strerror or str(error)
    return StorageError(
        f"cannot write: {reason}",
        where=str(path),
        remedy=remedies.get(error.errno or 0, "mend the cause, then run the same command again: it goes on from here"),
    )


def _is_write_failure(error: OSError) -> bool:
    known = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EIO)
    # Arrow wraps the C++ status and may carry the reason only in its text.
    return error.errno in known or "No space left" in str(error)


@contextmanager
def atomic_path(path: Place, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path of this machine to write; rename it to `path` when the block ends well, else remove it.

    At an address the temporary file lies on this machine's disk, and is uploaded, once, when the block ends well.
    `durable`: whether the bytes are on the disk before the name is; without it a power failure (never a kill) may
    leave an empty file, for files of which the size is known and looked at again. Raises StorageError when the file
    cannot be written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> [p.name for p in folder.iterdir()]
    ['a.txt']
    """
    if not isinstance(path, Path):
        with path.written() as scratch:
            yield scratch
        return
    temporary = path.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        if _is_write_failure(error):
            if error.errno is None and "No space left" in str(error):
                error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise storage_error(error, path) from error
        raise
    finally:
        # After the rename nothing is left under this name; after a failure the half file goes away.
        temporary.unlink(missing_ok=True)


def write_text(path: Place, text: str) -> None:
    """Write a small text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Place, value: Any) -> None:
    """Write JSON atomically, keys sorted, so that equal values give equal bytes."""
    write_text(path, _json_text(value))


def create_json(path: Place, value: Any) -> bool:
    """Write JSON as `write_json` does; at an address only where there is no such file. Return whether it was written.

    On a disk the lock of the folder keeps others from writing it.
    """
    if isinstance(path, Path):
        write_json(path, value)
        return True
    return path.create(_json_text(value).encode())


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_json(path: Place) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_table(path: Place, table: pa.Table, row_group_size: int | None = None) -> None:
    """Write one Parquet file atomically (zstd)."""
    import pyarrow.parquet as pq  # with numpy a third of a second of CPU, which a command that asks for help needs not

    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=row_group_size)


@contextmanager
def table_writer(path: Place, schema: pa.Schema, use_dictionary: bool | list[str] = True) -> Iterator[pq.ParquetWriter]:
    """Yield a Parquet writer whose file appears under `path` only when the block ends well.

    `use_dictionary`: the columns that are written as dictionaries where that is smaller; for others it is not tried.
    """
    import pyarrow.parquet as pq

    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=use_dictionary) as writer,
    ):
        yield writer


def sweep(folder: Place) -> int:
    """Remove what killed runs left under temporary names; give the number of files. At an address they leave none."""
    if not isinstance(folder, Path):
        return 0
    leftovers = sorted(folder.rglob(f"{TEMPORARY_PREFIX}*")) if folder.exists() else []
    for path in leftovers:
        if path.is_file():
            path.unlink(missing_ok=True)
    return len(leftovers)
