"""Releases as they come: a folder, a zip, a tar or a single file, read member by member and never trusted.

A member is copied to the spool under a name of our own, so that no name in an archive ever becomes a path; names that
climb out of the archive are refused all the same, because an archive that holds one is not what it says it is. So are
two members of one name, of which other readers would take one or the other, and zip members that share their bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.model.errors import SourceError
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.zip_directory import OpenZip, ZipDirectory, ZipEntry, member_path

MAX_MEMBERS = 1_000_000
MAX_MEMBER_BYTES = 2 << 40
"""More than any published table, less than what fills a disk unseen."""
MAX_RATIO = 400
"""Text compresses 5 to 30 times; a member that grows more than this, and is large, is a decompression bomb."""
RATIO_FREE_BYTES = 64 << 20
_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a release."""

    name: str
    """Its name in the release, with / between folders."""
    size: int
    """Bytes, as the archive declares them; -1 when it does not say (gzip)."""
    packed: int
    """Bytes in the archive; equal to `size` in a folder."""
    stored_as: str
    """Its name exactly as the archive or folder has it."""
    place: ZipEntry | None = field(default=None, repr=False)
    """Where it lies in a zip."""

    @property
    def gzipped(self) -> bool:
        """Whether the member is a gzip file of its own."""
        return self.name.lower().endswith(".gz")

    @property
    def base(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder, zip, tar or single (perhaps gzipped) file, as a sorted list of members."""

    path: Path
    kind: str
    """'folder', 'zip', 'tar', 'gzip' or 'file'."""
    members: tuple[Member, ...]
    junk: tuple[str, ...] = ()
    """Names of what was left out: hidden files and what file managers leave behind."""
    directory: ZipDirectory | None = field(default=None, repr=False, compare=False)
    """What a zip lists, so that no member's reading lists it again."""

    def origin(self, member: Member) -> str:
        """Return what locators call a member: its name, with the archive's name and ! before it."""
        return f"{self.path.name}!{member.name}" if self.kind in ("zip", "tar") else member.name

    def files(self, names: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the absolute paths of the files on disk, sorted; `names`: only those that hold these members."""
        if self.kind != "folder":
            return (str(self.path.resolve()),)
        held = [member for member in self.members if names is None or member.name in names]
        return tuple(sorted(str((self.path / member.stored_as).resolve()) for member in held))

    def head(self, member: Member, size: int) -> bytes:
        """Return the first bytes of a member."""
        with self.stream(member) as stream:
            parts, left = [], size
            while left > 0 and (block := stream.read(left)):
                parts.append(block)
                left -= len(block)
            return b"".join(parts)

    def heads(self, members: Sequence[Member], size: int) -> Iterator[bytes]:
        """Yield the first bytes of many members."""
        yield from (self.head(member, size) for member in members)

    def readable(self, member: Member, spool: Path) -> Path:
        """Return a plain file with a member's bytes: the file itself, or a copy in `spool`.

        The copy's name derives from the archive and member, its size is checked, and a whole copy that is there already
        is not made again. Raises SourceError when the member is cut, larger than declared, or a decompression bomb.
        """
        if self.kind == "folder" and not member.gzipped:
            return self.path / member.stored_as
        if self.kind == "file":
            return self.path
        target = spool / f"{self.identity(member)}.table"
        sized = member.size >= 0
        if target.exists() and (not sized or target.stat().st_size == member.size):
            return target
        # A copy of known size that a power failure cut is seen and made again, so it need not wait for the disk.
        kept = atomic_path(target, durable=not sized)
        with self.stream(member) as stream, kept as temporary, temporary.open("wb") as out:
            written = 0
            while block := stream.read(_CHUNK):
                written += len(block)
                self._check(member, written)
                out.write(block)
        return target

    def identity(self, member: Member) -> str:
        """Name a member by its archive's path and state, for files that are made from it."""
        file = self.path / member.stored_as if self.kind == "folder" else self.path
        status = file.stat()
        text = f"{file.resolve()}\n{status.st_size}\n{status.st_mtime_ns}\n{member.stored_as}"
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]

    def _check(self, member: Member, written: int) -> None:
        where = f"{self.path}!{member.name}"
        if written > MAX_MEMBER_BYTES or (member.size >= 0 and written > member.size):
            raise SourceError(
                "an archive member is larger than it says",
                where=where,
                expected=f"at most {min(MAX_MEMBER_BYTES, member.size)} bytes",
                remedy="fetch the archive again from its provider",
            )
        if written > RATIO_FREE_BYTES and written > MAX_RATIO * max(1, member.packed):
            raise SourceError(
                "an archive member grows more than text does when it is unpacked",
                where=where,
                expected=f"at most {MAX_RATIO} times its packed size",
                remedy="if you trust this archive, unpack it yourself and name the folder as the source's path",
            )

    @contextmanager
    def stream(self, member: Member) -> Iterator[BinaryIO]:
        """Open a member's unpacked bytes; damage found while reading is a SourceError too."""
        where = str(self.path if self.kind in ("file", "gzip") else f"{self.path}!{member.name}")
        if member.gzipped and self.kind != "gzip":
            with self._guarded(where), self._packed(member, where) as packed, gzip.open(packed) as unpacked:
                yield cast(BinaryIO, unpacked)
            return
        with self._packed(member, where) as stream:
            yield stream

    @contextmanager
    def _packed(self, member: Member, where: str) -> Iterator[BinaryIO]:
        with self._guarded(where):
            if self.directory is not None and member.place is not None:
                with OpenZip(self.directory) as archive, archive.open(member.place) as stream:
                    yield cast(BinaryIO, stream)
            elif self.kind == "tar":
                with tarfile.open(self.path) as tar:
                    inner = tar.extractfile(member.stored_as)
                    if inner is None:
                        raise SourceError("an archive member is not a file", where=where, remedy="remove it")
                    yield cast(BinaryIO, inner)
            elif self.kind == "gzip":
                with gzip.open(self.path) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                with (self.path / member.stored_as if self.kind == "folder" else self.path).open("rb") as plain:
                    yield plain

    @contextmanager
    def _guarded(self, where: str) -> Iterator[None]:
        try:
            yield
        except (*_BROKEN, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's own; what bzip2 says of damaged data has no number
            raise SourceError(
                f"the archive is damaged: {error}",
                where=where,
                remedy="fetch it again and compare its size with the provider's",
            ) from error
        except (NotImplementedError, RuntimeError) as error:
            # zipfile raises these for methods that it lacks and for encrypted members.
            raise SourceError(
                f"the archive member cannot be unpacked: {error}",
                where=where,
                expected="a zip without encryption, packed with deflate, bzip2 or lzma",
                remedy="unpack the archive yourself and name the folder as the source's path",
            ) from error


def open_archive(path: Path) -> Archive:
    """List what a release holds, junk of file managers left out; raises SourceError when it cannot be read."""
    if not path.exists():
        raise SourceError(
            "the release does not exist",
            where=str(path),
            expected="a folder, zip, tar or table",
            remedy="correct `path` of this source in the recipe, or fetch the release first",
        )
    directory: ZipDirectory | None = None
    if path.is_dir():
        kind, (members, junk) = "folder", _of_folder(path)
    elif _is_zip(path):
        directory = _zip_directory(path)
        kind, (members, junk) = "zip", _of_zip(directory)
    elif path.suffix.lower() in (".zip",):
        raise SourceError(
            "the archive is damaged: no zip directory at its end",
            where=str(path),
            remedy="fetch it again and compare its size with the provider's",
        )
    elif _is_tar(path):
        kind, (members, junk) = "tar", _of_tar(path)
    else:
        with path.open("rb") as handle:
            packed = handle.read(2) == b"\x1f\x8b"
        kind, size = ("gzip", -1) if packed else ("file", path.stat().st_size)
        members, junk = [Member(path.name, size, path.stat().st_size, path.name)], []
    if len(members) > MAX_MEMBERS:
        raise SourceError("the archive has too many members", where=str(path), expected=f"at most {MAX_MEMBERS}")
    members.sort(key=lambda member: member.name)
    if kind in ("zip", "tar"):
        _refuse_repeated(members, path)
    return Archive(path, kind, tuple(members), tuple(sorted(junk)), directory)


def _refuse_repeated(members: Iterable[Member], path: Path) -> None:
    """Refuse two members of one name: which of them a reader takes differs from one reader to the next."""
    seen: dict[str, Member] = {}
    for member in members:
        # A name in two Unicode spellings is one name to whoever reads it, and to most file systems.
        key = member.name if member.name.isascii() else unicodedata.normalize("NFC", member.name)
        if (other := seen.setdefault(key, member)) is not member:
            raise SourceError(
                f"the archive holds two members of the name {member.name!r} ({other.size} and {member.size} bytes)",
                where=f"{path}!{member.stored_as}",
                expected="every name once",
                remedy="fetch it again from its provider; or unpack it, keep the right one, and name the folder",
            )


def _is_zip(path: Path) -> bool:
    """Return whether the file is a zip, behind other bytes perhaps, but no tar whose last member is one."""
    with path.open("rb") as handle:
        if handle.read(262)[257:] == b"ustar":
            return False
    return zipfile.is_zipfile(path)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except _BROKEN:
        return False


_Listed = tuple[list[Member], list[str]]  # members, and names of junk


def _of_folder(path: Path) -> _Listed:
    members, junk = [], []
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if _is_junk(name):
            junk.append(name)
        elif file.is_file():
            members.append(Member(name, _size(name, file.stat().st_size), file.stat().st_size, name))
    return members, junk


def _zip_directory(path: Path) -> ZipDirectory:
    try:
        directory = ZipDirectory(path, MAX_MEMBERS)
        shared = directory.overlapping()
    except zipfile.BadZipFile as error:
        raise SourceError(
            f"the archive is damaged: {error}", where=str(path), remedy="fetch it again from its provider"
        ) from error
    if shared is not None:
        raise SourceError(
            "members of the archive share their bytes, as decompression bombs have them",
            where=f"{path}!{shared.name}",
            expected="members that lie one behind the other",
            remedy="do not use this archive; fetch it again from its provider",
        )
    return directory


def _of_zip(directory: ZipDirectory) -> _Listed:
    members, junk = [], []
    for entry in directory.entries:
        name = _safe_name(entry.name, directory.path)
        if _is_junk(name):
            junk.append(name + "/" * entry.is_folder)
        elif name and not entry.is_folder:
            members.append(Member(name, _size(name, entry.size), entry.packed, entry.name, entry))
    return members, junk


def _of_tar(path: Path) -> _Listed:
    members, junk = [], []
    try:
        with tarfile.open(path) as archive:
            for info in archive:
                name = _safe_name(info.name, path)
                if _is_junk(name):
                    junk.append(name)
                elif name and info.isfile():
                    # A compressed tar packs its members together: only the whole file's size is known.
                    members.append(Member(name, _size(name, info.size), path.stat().st_size, info.name))
                if len(members) > MAX_MEMBERS:
                    break
    except _BROKEN as error:
        raise SourceError(
            f"the archive is damaged: {error}", where=str(path), remedy="fetch it again from its provider"
        ) from error
    return members, junk


def _size(name: str, size: int) -> int:
    return -1 if name.lower().endswith(".gz") else size


def _is_junk(name: str) -> bool:
    """Return whether a name is a hidden file's, or in a hidden folder, or what file managers leave behind.

    >>> [_is_junk(name) for name in ("a/.b/c", ".DS_Store", "__MACOSX/a", "a/Thumbs.db", "a.b/c", "Thumbs.db/a")]
    [True, True, True, True, False, False]
    """
    hidden = name.startswith(".") or "/." in name
    return hidden or name.endswith("/Thumbs.db") or name == "Thumbs.db" or "__MACOSX" in name.split("/")


def _safe_name(name: str, path: Path) -> str:
    """Return a member's name as a path with forward slashes, '' for the archive's own folder, or refuse it.

    >>> _safe_name("dwca\\\\occurrence.txt", Path("x.zip")), _safe_name("./a//b.txt", Path("x.zip"))
    ('dwca/occurrence.txt', 'a/b.txt')
    """
    # Writers on Windows put a back-slash before names at the top; a name is never used as a path, so it means nothing.
    clean = member_path(name.removeprefix("\\"))
    first = clean.partition("/")[0]
    climbs = clean.startswith("/") or (".." in clean and ".." in clean.split("/"))
    if climbs or first.endswith(":") or "\x00" in clean:
        raise SourceError(
            f"the archive holds an unsafe name: {name!r}",
            where=str(path),
            expected="names inside the archive's own folder",
            remedy="do not use this archive; fetch it again from its provider",
        )
    # Bytes that are no UTF-8 could not be written into a locator.
    return clean if clean.isascii() else clean.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
