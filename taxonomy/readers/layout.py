"""Find the tables of a published taxonomy: a file, a folder or a zip archive.

Archives are read in place. Members are capped in number and in unpacked bytes (which zip states ahead and enforces
while unpacking), and nothing is ever written to where a member's name points.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from taxonomy.errors import TaxonomyError

MAXIMUM_BYTES = 32 << 30
"""Bytes of the largest table, unpacked."""
MAXIMUM_MEMBERS = 100_000
SUFFIXES = (".tsv", ".txt", ".tab", ".csv")
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


def find_tables(path: Path) -> Layout:
    """List the text tables of a file, folder or zip archive.

    Raises TaxonomyError when there is nothing that could be read.
    """
    if path.is_dir():
        members = [_file(each) for each in sorted(path.iterdir()) if each.is_file()]
    elif path.is_file() and zipfile.is_zipfile(path):
        members = _members(path)
    elif path.is_file():
        members = [_file(path)]
    else:
        raise TaxonomyError(
            "there is no such taxonomy", str(path), "a text table, a folder or a zip archive", "correct the path"
        )
    tables = [m for m in members if m.name.casefold().endswith(SUFFIXES) and not m.name.startswith((".", "_"))]
    for member in tables:
        if member.size > MAXIMUM_BYTES:
            raise TaxonomyError(f"{member.size} bytes", member.origin, f"at most {MAXIMUM_BYTES}")
    vernacular = tuple(m for m in tables if m.stem.startswith("vernacular"))
    cores = sorted((m for m in tables if m not in vernacular), key=_likelihood)
    if not cores:
        raise TaxonomyError(
            "there is no table of taxa",
            str(path),
            "a file that ends in " + ", ".join(SUFFIXES),
            "unpack or rename the file (compressed tables other than zip are not read)",
        )
    return Layout(path, tuple(cores), vernacular)


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


@contextmanager
def unbroken(where: str) -> Iterator[None]:
    """Turn what a damaged archive raises while it is read into an error that names it."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise TaxonomyError(f"the archive is damaged: {error}", where, remedy="download it again") from error


def _file(path: Path) -> Member:
    return Member(path.name, str(path), path.stat().st_size, partial(_open_file, path))


def _members(path: Path) -> list[Member]:
    with unbroken(str(path)), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    if len(infos) > MAXIMUM_MEMBERS:
        raise TaxonomyError(f"{len(infos)} members", str(path), f"at most {MAXIMUM_MEMBERS}")
    found = []
    for info in sorted(infos, key=lambda each: each.filename):
        if info.is_dir() or "__MACOSX/" in info.filename:
            continue
        name = PurePosixPath(info.filename).name
        found.append(
            Member(name, f"{path}!{info.filename}", info.file_size, partial(_open_member, path, info.filename))
        )
    return found


def digest(member: Member) -> str:
    """Give the sha256 of a table's bytes, as hex."""
    total = hashlib.sha256()
    with unbroken(member.origin), member.open() as handle:
        while chunk := handle.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


def slug(path: Path) -> str:
    """Give a prefix for ids from the name of a file or folder.

    >>> slug(Path("data/MDD_v1.13.zip")), slug(Path("Taxon.tsv"))
    ('mdd-v1-13', 'taxon')
    """
    stem = path.name if path.is_dir() else path.stem
    return re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-") or "taxonomy"
