"""Sets of images that lie on disk: folders, tars (WebDataset), zips and single files, one image after the other.

Every file counts but tables, texts and hidden files, so that an image that cannot be read is named, never skipped.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from manifests import BiomillError
from pipeline.model.outcomes import Outcome
from pipeline.storage.zip_directory import ENCRYPTED, OpenZip, ZipDirectory

NOT_IMAGES = frozenset(
    {".csv", ".json", ".md", ".txt", ".tsv", ".xml", ".yaml", ".yml", ".toml", ".parquet", ".html", ".cls", ".idx"}
)
"""Suffixes of what lies beside images."""
LISTS = frozenset({".parquet", ".csv"})
MAX_BYTES = 50_000_000
"""Most bytes of one image."""
MAX_MEMBERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One image as it lies there: its name in the set, and its bytes or why there are none."""

    name: str
    data: bytes = b""
    outcome: Outcome | None = None


def is_image_set(path: Path) -> bool:
    """Return whether a path is read as a set of images, rather than as a list of hashes.

    >>> is_image_set(Path("set.parquet")), is_image_set(Path("shard-000000.tar"))
    (False, True)
    """
    return path.suffix.lower() not in LISTS


def image_names(root: Path) -> list[str]:
    """Return the images below a folder, by their names relative to it, sorted; '/' between parts."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and wanted(path.name))


def wanted(name: str) -> bool:
    """Return whether a file name may be an image's.

    >>> wanted("a/b.JPG"), wanted("a/.hidden.jpg"), wanted("a/b.json")
    (True, False, False)
    """
    last = name.rpartition("/")[2]
    return not last.startswith(".") and Path(last).suffix.lower() not in NOT_IMAGES


def pictures(paths: Sequence[Path], max_bytes: int = MAX_BYTES) -> Iterator[Picture]:
    """Yield every image of the paths, in order of the paths and of the names in each (tars: order of their members).

    With one folder or file, names are relative to it; with several, they begin with the path as it was given. Members
    of an archive are named ARCHIVE!MEMBER, and further ones of the same name ARCHIVE!MEMBER (2) and so on, for each is
    an image that may be held out. A tar inside a folder is opened; an image beyond `max_bytes` comes with its outcome.
    Memory: one image, and the names of one archive. Raises BiomillError: a path that does not exist, a damaged archive,
    no image at all.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "b.jpg").write_bytes(b"B")
    ...     _ = Path(folder, "a.jpg").write_bytes(b"A")
    ...     [picture.name for picture in pictures([Path(folder)])]
    ['a.jpg', 'b.jpg']
    """
    found = 0
    for path in paths:
        prefix = f"{path.as_posix()}/" if len(paths) > 1 else ""
        for picture in _of_path(path, prefix, max_bytes):
            found += 1
            yield picture
    if not found:
        raise BiomillError(
            "there are no images",
            where=", ".join(str(path) for path in paths),
            expected="a folder, .tar or .zip that holds images",
            remedy="correct the path",
        )


def _of_path(path: Path, prefix: str, max_bytes: int) -> Iterator[Picture]:
    if path.is_dir():
        for name in image_names(path):
            file = path / name
            if file.suffix.lower() in (".tar", ".zip"):
                yield from _archive(file, prefix + name, max_bytes)
            else:
                yield _file(file, prefix + name, max_bytes)
    elif not path.exists():
        raise BiomillError(
            "no such file or folder", where=str(path), expected="a folder, .tar, .zip or image", remedy="check the path"
        )
    elif path.suffix.lower() in (".tar", ".zip"):
        yield from _archive(path, prefix.removesuffix("/") or path.name, max_bytes)
    else:
        yield _file(path, prefix.removesuffix("/") or path.name, max_bytes)


def _file(path: Path, name: str, max_bytes: int) -> Picture:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            return Picture(name, outcome=Outcome.MISSING_FILE)
        if state.st_size > max_bytes:
            return Picture(name, outcome=Outcome.TOO_LARGE)
        return Picture(name, path.read_bytes())
    except OSError:
        return Picture(name, outcome=Outcome.MISSING_FILE)


def _archive(path: Path, name: str, max_bytes: int) -> Iterator[Picture]:
    members = _tar(path, max_bytes) if path.suffix.lower() == ".tar" else _zip(path, max_bytes)
    taken: set[str] = set()
    try:
        for picture in members:
            own = _free(picture.name, taken)
            taken.add(own)
            yield Picture(f"{name}!{own}", picture.data, picture.outcome)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise BiomillError(
            f"the archive cannot be read: {error}",
            where=str(path),
            expected="a whole, uncompressed .tar, or a .zip",
            remedy="make or download it again",
        ) from error


def _free(name: str, taken: Container[str]) -> str:
    """Return the name, numbered where it is taken.

    >>> _free("a.jpg", ()), _free("a.jpg", {"a.jpg", "a.jpg (2)"})
    ('a.jpg', 'a.jpg (3)')
    """
    return name if name not in taken else next(n for i in count(2) if (n := f"{name} ({i})") not in taken)


def _tar(path: Path, max_bytes: int) -> Iterator[Picture]:
    with tarfile.open(path, "r:") as archive:
        for number, member in enumerate(archive):
            # A tar of millions of members would otherwise keep every header.
            archive.members.clear()  # type: ignore[attr-defined]
            if number >= MAX_MEMBERS:
                raise tarfile.TarError(f"more than {MAX_MEMBERS} members")
            if not member.isfile() or not wanted(member.name):
                continue
            if member.size > max_bytes:
                yield Picture(member.name, outcome=Outcome.TOO_LARGE)
                continue
            handle = archive.extractfile(member)
            data = handle.read(max_bytes + 1) if handle is not None else b""
            if len(data) < member.size:
                raise tarfile.TarError(f"{member.name} breaks off after {len(data)} of {member.size} bytes")
            yield Picture(member.name, data)


def _zip(path: Path, max_bytes: int) -> Iterator[Picture]:
    directory = ZipDirectory(path, MAX_MEMBERS)
    with OpenZip(directory) as archive:
        for entry in sorted(directory.entries, key=lambda entry: entry.name):
            if entry.is_folder or not wanted(entry.name):
                continue
            if entry.size > max_bytes:
                yield Picture(entry.name, outcome=Outcome.TOO_LARGE)
            elif entry.flags & ENCRYPTED:
                yield Picture(entry.name, outcome=Outcome.CORRUPT)
            else:
                with archive.open(entry) as handle:
                    yield Picture(entry.name, handle.read(max_bytes + 1)[:max_bytes])
