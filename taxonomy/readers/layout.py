"""Find the tables of a published taxonomy: a file, a folder, a zip or tar archive, or a gzipped file.

Archives are read in place. Members are capped in number and in unpacked bytes (which zip and tar state ahead, and which
are counted where gzip does not), and nothing is ever written to where a member's name points.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from taxonomy.errors import TaxonomyError

MAXIMUM_BYTES = 32 << 30
"""Bytes of the largest table, unpacked."""
MAXIMUM_MEMBERS = 100_000
SUFFIXES = (".tsv", ".txt", ".tab", ".csv")
_OTHER = (".dmp", ".txtree", ".parquet", ".json")
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_LOCAL_HEADER = 30
"""Bytes before a zip member's name and data at the least."""
_CORE = ("nameusage", "taxon", "taxa", "taxonomy")


@dataclass(frozen=True)
class Member:
    """One table of a release."""

    name: str
    """File name without folders."""
    origin: str
    """What errors call it."""
    size: int
    open: Callable[[], BinaryIO]

    @property
    def stem(self) -> str:
        """File name without suffix, in lower case."""
        return PurePosixPath(self.name).stem.casefold()


@dataclass(frozen=True)
class Layout:
    """What was found: tables that may be the core, the likeliest first, and tables of vernacular names."""

    path: Path
    cores: tuple[Member, ...]
    vernacular: tuple[Member, ...]
    others: tuple[Member, ...] = ()
    """Files that are no delimited tables with a header: taxdumps, text trees, Parquet."""

    def member(self, name: str) -> Member | None:
        """Return the file of that name, in any case, or None."""
        every = (*self.cores, *self.vernacular, *self.others)
        return next((each for each in every if each.name.casefold() == name.casefold()), None)


def find_tables(path: Path) -> Layout:
    """List the text tables of a file, folder or zip archive.

    Raises TaxonomyError when there is nothing that could be read.
    """
    if path.is_dir():
        members = [_file(each) for each in sorted(path.iterdir()) if each.is_file()]
    elif path.is_file() and _is_zip(path):
        members = _members(path)
    elif path.is_file() and path.name.casefold().endswith(_TAR):
        members = _tar_members(path)
    elif path.is_file() and path.suffix.casefold() == ".gz":
        members = [Member(path.stem, str(path), path.stat().st_size, partial(_open_gzip, path))]
    elif path.is_file():
        members = [_file(path)]
    else:
        raise TaxonomyError(
            "there is no such taxonomy", str(path), "a table, a folder or an archive (zip, tar, gz)", "correct the path"
        )
    tables = [m for m in members if m.name.casefold().endswith(SUFFIXES) and not m.name.startswith((".", "_"))]
    others = tuple(m for m in members if m.name.casefold().endswith(_OTHER) and not m.name.startswith((".", "_")))
    for member in (*tables, *others):
        if member.size > MAXIMUM_BYTES:
            raise TaxonomyError(f"{member.size} bytes", member.origin, f"at most {MAXIMUM_BYTES}")
    vernacular = tuple(m for m in tables if m.stem.startswith("vernacular"))
    cores = sorted((m for m in tables if m not in vernacular), key=_likelihood)
    if not cores and not others:
        raise TaxonomyError(
            "there is no table of taxa",
            str(path),
            "a file that ends in " + ", ".join((*SUFFIXES, *_OTHER[:-1])),
            "unpack or rename the file (zip, tar and gz are read as they are)",
        )
    return Layout(path, tuple(cores), vernacular, others)


def _is_zip(path: Path) -> bool:
    """Return whether the file is a zip, but no tar whose last member is one."""
    with path.open("rb") as handle:
        return handle.read(262)[257:] != b"ustar" and zipfile.is_zipfile(path)


def _likelihood(member: Member) -> tuple[int, int, str]:
    order = _CORE.index(member.stem) if member.stem in _CORE else len(_CORE)
    return (order, -member.size, member.name)


def _open_file(path: Path) -> BinaryIO:
    return path.open("rb")


def _open_member(path: Path, name: str) -> BinaryIO:
    with unbroken(f"{path}!{name}"):
        try:
            # The archive stays open as long as the member: zipfile counts its users.
            with zipfile.ZipFile(path) as archive:
                return cast(BinaryIO, archive.open(name))
        except (NotImplementedError, RuntimeError) as error:
            raise TaxonomyError(
                f"the archive member cannot be read: {error}", f"{path}!{name}", "deflate without a password"
            ) from error


def _open_gzip(path: Path) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Capped(cast(io.RawIOBase, gzip.open(path)), str(path))))


class _Capped(io.RawIOBase):
    """A stream that refuses to give more than MAXIMUM_BYTES: gzip does not say ahead how much it unpacks to."""

    def __init__(self, inner: io.RawIOBase, origin: str) -> None:
        self._inner, self._origin, self._given = inner, origin, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._inner.read(len(buffer)) or b""
        self._given += len(data)
        if self._given > MAXIMUM_BYTES:
            raise TaxonomyError("the file unpacks to too many bytes", self._origin, f"at most {MAXIMUM_BYTES}")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _open_tar_member(path: Path, name: str) -> BinaryIO:
    with unbroken(f"{path}!{name}"):
        archive = tarfile.open(path)  # noqa: SIM115 -- the member reads on from it
        inner = archive.extractfile(name)
        assert inner is not None, "only regular files are listed"
        return cast(BinaryIO, inner)


def _tar_members(path: Path) -> list[Member]:
    found: list[Member] = []
    with unbroken(str(path)), tarfile.open(path) as archive:
        for info in archive:
            if len(found) >= MAXIMUM_MEMBERS:
                raise TaxonomyError("too many members", str(path), f"at most {MAXIMUM_MEMBERS}")
            if info.isfile():
                name = PurePosixPath(info.name).name
                found.append(Member(name, f"{path}!{info.name}", info.size, partial(_open_tar_member, path, info.name)))
    found.sort(key=lambda each: each.origin)
    _refuse_repeated(found)
    return found


@contextmanager
def unbroken(where: str) -> Iterator[None]:
    """Turn what a damaged archive raises while it is read into an error that names it."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise TaxonomyError(f"the archive is damaged: {error}", where, remedy="download it again") from error


def _file(path: Path) -> Member:
    return Member(path.name, str(path), path.stat().st_size, partial(_open_file, path))


def _members(path: Path) -> list[Member]:
    try:
        with unbroken(str(path)), zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (NotImplementedError, UnicodeDecodeError) as error:
        raise TaxonomyError(
            f"the archive cannot be listed: {error}", str(path), "a plain zip", "unpack it and give the folder"
        ) from error
    if len(infos) > MAXIMUM_MEMBERS:
        raise TaxonomyError(f"{len(infos)} members", str(path), f"at most {MAXIMUM_MEMBERS}")
    _refuse_shared(infos, path)
    found = []
    for info in sorted(infos, key=lambda each: each.filename):
        if info.is_dir() or "__MACOSX/" in info.filename:
            continue
        name = PurePosixPath(info.filename).name
        found.append(
            Member(name, f"{path}!{info.filename}", info.file_size, partial(_open_member, path, info.filename))
        )
    _refuse_repeated(found)
    return found


def _refuse_repeated(members: list[Member]) -> None:
    """Refuse two members of one name: which of them a reader takes differs from one reader to the next."""
    seen: dict[str, Member] = {}
    for member in members:
        archive, _, name = member.origin.rpartition("!")
        # './a', 'a' and, from writers on Windows, '\\a' are one path; so is one name in two Unicode spellings.
        path = PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/"))).as_posix().lstrip("/")
        if seen.setdefault(path, member) is not member:
            raise TaxonomyError(
                f"the archive holds two members of the name {path!r}",
                f"{archive}!{name}",
                "every name once",
                "download it again; or unpack it, keep the right one, and give the folder",
            )


def _refuse_shared(infos: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse members that lie over each other, as decompression bombs have them."""
    placed = sorted(infos, key=lambda each: each.header_offset)
    for one, other in pairwise(placed):
        if one.header_offset + _LOCAL_HEADER + one.compress_size > other.header_offset:
            raise TaxonomyError(
                "members of the archive share their bytes",
                f"{path}!{other.filename}",
                "members that lie one behind the other",
                "do not use this archive; download it again",
            )


def digest(member: Member) -> str:
    """Return the sha256 of a table's bytes, as hex."""
    total = hashlib.sha256()
    with unbroken(member.origin), member.open() as handle:
        while chunk := handle.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


def slug(path: Path) -> str:
    """Return a prefix for ids from the name of a file or folder.

    >>> slug(Path("data/MDD_v1.13.zip")), slug(Path("Taxon.tsv"))
    ('mdd-v1-13', 'taxon')
    """
    stem = path.name if path.is_dir() else path.stem
    if path.suffix.casefold() in (".gz", ".bz2", ".xz") and not path.is_dir():
        stem = PurePosixPath(stem).stem
    return re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-") or "taxonomy"
