"""The index folder: what it holds, how it is written whole or not at all, and how it is checked.

    usages.parquet       one row per usage, classification written out: for people and SQL
    vernacular.parquet   vernacular names of accepted usages, in order of preference
    names.arrow          the strings that matching needs, uncompressed, to be memory-mapped
    hashes.npy rows.npy  sorted uint64 keys of canonical names, and the usage of each
    stem_hashes.npy stem_rows.npy    the same for stem keys (see taxonomy.names.stems)
    words.arrow remainders.npy remainder_words.npy    words, and what finds a misspelt one (see taxonomy.names.fuzzy)
    parent.npy accepted.npy ranks.npy levels.npy status.npy    links by row number
    first.npy last.npy   interval labels of the tree (see taxonomy.build.intervals)
    MANIFEST.json        build id, inputs, counts, issues, and the sha256 of every file

Rows are in the order of usage ids, so that an id is found by bisection.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taxonomy.errors import TaxonomyError

FORMAT = 2
"""Version of the folder's layout; a reader refuses any other."""
MANIFEST = "MANIFEST.json"
REMEDY = "build the taxonomy again into an empty folder"


def canonical_json(value: Any) -> str:
    """Return JSON that is the same for equal values.

    >>> canonical_json({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, as hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check the manifest of an index: format, and presence and size of every file.

    Raises TaxonomyError when the folder is no index, or not a whole one.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TaxonomyError("this is no built taxonomy", str(folder), f"a folder with {MANIFEST}", REMEDY) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TaxonomyError(f"the manifest cannot be read: {error}", str(path), remedy=REMEDY) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise TaxonomyError(f"the index has format {found!r}", str(path), f"format {FORMAT}", REMEDY)
    for name, facts in manifest["files"].items():
        part = folder / name
        size = part.stat().st_size if part.is_file() else -1
        if size != facts["bytes"]:
            raise TaxonomyError(
                "a file of the index is missing or not whole",
                str(part),
                f"{facts['bytes']} bytes, found {max(size, 0)}",
                REMEDY,
            )
    return manifest


def verify(folder: Path) -> None:
    """Check the sha256 of every file of an index; raises TaxonomyError at the first that differs."""
    for name, facts in sorted(read_manifest(folder)["files"].items()):
        found = file_digest(folder / name)
        if found != facts["sha256"]:
            raise TaxonomyError("a file of the index has changed", str(folder / name), facts["sha256"], REMEDY)


def built(folder: Path, build_id: str) -> bool:
    """Return whether the folder holds a whole index of this build."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        return bool(read_manifest(folder)["build_id"] == build_id)
    except TaxonomyError:
        # Half an index, or one of another format: it will be replaced.
        return False


def seal(folder: Path, facts: dict[str, Any]) -> None:
    """Write the manifest over all files of a folder."""
    files = {
        path.name: {"sha256": file_digest(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }
    content = hashlib.sha256(canonical_json(files).encode()).hexdigest()
    manifest = {"format": FORMAT, "content": content, "files": files, **facts}
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


@contextmanager
def whole_folder(folder: Path, same: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder that takes the name of `folder` when the block ends well, and vanishes otherwise.

    An index that stands there is replaced; anything else is refused. `same` tells whether another process has meanwhile
    put the very same index there, which is as good.
    """
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise TaxonomyError(
            "the folder is not empty and holds no index", str(folder), "an empty or new folder", "choose another folder"
        )
    if strangers := _strangers(folder):
        raise TaxonomyError(
            f"the index's folder holds other things: {strangers[0]!r}",
            str(folder),
            "an index alone, for all of its folder is replaced",
            "move them, or choose another folder",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".tmp-{folder.name}-", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        for path in sorted(temporary.iterdir()):
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        _swap(temporary, folder, same)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _strangers(folder: Path) -> list[str]:
    """Return what stands in an index's folder and is not of the index, as its manifest lists it."""
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        own = {MANIFEST, *listed}
    except (OSError, ValueError, KeyError, TypeError):
        return []  # no index, or the half of one
    return sorted(path.name for path in folder.iterdir() if path.name not in own and not path.name.startswith("."))


def _swap(temporary: Path, folder: Path, same: Callable[[Path], bool]) -> None:
    old = temporary.with_name(temporary.name + "-old")
    try:
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    except OSError:
        # Another process was faster: a folder that is not empty cannot be renamed over.
        if not same(folder):
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
