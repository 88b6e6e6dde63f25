"""Vectors brought as Parquet: checked, brought to length one, and written beside the run as `biomill embed` does.

The file is read as a stream, once: memory is that of a part, whatever the file. It is whole and right before the set is
finished; what is wrong in it removes what was written of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.embed.vector_files import (
    BEGUN,
    BROUGHT,
    DONE,
    PARTS,
    begin,
    digest_of,
    folder_of,
    part_name,
    write_part,
)
from pipeline.evaluate.embeddings import VectorRows, read_vectors
from pipeline.evaluate.labelled import reading_samples
from pipeline.evaluate.measures.vectors import Codes, Vectors, row_lengths
from pipeline.feed.feed import located
from pipeline.model.errors import EvaluationError
from pipeline.storage.files.atomic import write_json
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place, address_of, matching, place

_READ = 8
"""Batches of the reader in a part, 16,384 rows."""
_SHORTEST = 1e-30
_NARROW = 1e-18
"""Lengths between this and its inverse are divided by in float32, which others would leave."""
_BYTES = 1 << 22


def bring(run: Place, file: Path, name: str, partial: bool = False) -> Iterator[str]:
    """Write the vectors of a file, columns `key` and `vector`, as the set `name` of a run; yield what was done.

    `partial`: pictures without a vector are left out, and rows of other keys. The same file may be brought again: what
    is there is not written again. Raises EvaluationError for a file that is no such table or cannot be read, a key that
    comes twice or is of no picture, a value that is no finite number, a vector of zeros, vectors of several lengths,
    and pictures without a vector; UsageError where the set is of another model, file or run.
    """
    folder = folder_of(run, name)
    if file.is_dir() and not (file / DONE).is_file():
        raise EvaluationError(
            "--from names a folder", where=str(file), expected="one Parquet file with columns key and vector"
        )
    keys = _keys(run)
    digest = _digest(file)
    rows = _Rows(file, keys, partial, np.full(len(keys), -1, np.int64))
    parts = _parts(file)
    first = next(parts)
    facts = {"model": name, "weights": "", "preprocessing": BROUGHT, "file": digest}
    facts |= {"width": first.vectors.shape[1], "data": _digest_of_keys(keys)}
    begin(folder, facts)
    finished = (folder / DONE).exists()
    try:
        written = rows.write(folder, name, first, parts)
    except EvaluationError:
        # What was finished before, such as with `partial`, is not undone by asking for more.
        if not finished:
            _remove(folder)
        raise
    write_json(folder / DONE, {**facts, "pictures": written, "digest": digest_of(facts)})
    left = len(keys) - written
    yield f"{written:,} vectors of {facts['width']} numbers from {file}: {folder}" + (
        f"; {left:,} pictures have none, and {rows.unknown:,} rows are of no picture" if left or rows.unknown else ""
    )


def _remove(folder: Place) -> None:
    """Remove what was written of a set, and its folder where nothing else lies in it."""
    for path in (*matching(folder, PARTS), folder / BEGUN):
        path.unlink(missing_ok=True)
    if isinstance(folder, Path):
        with suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()


@dataclass
class _Rows:
    """The rows of a file on their way into parts."""

    file: Path
    keys: pa.Array
    partial: bool
    place: Codes
    """Row of the file that each key's vector is from; -1 where there is none."""
    unknown: int = 0

    def write(self, folder: Place, name: str, part: VectorRows, more: Iterator[VectorRows]) -> int:
        """Write all rows, and return how many; the parts are those of the file, so that a second time finds them."""
        number = 0
        while True:
            known = self._known(part)
            path = folder / part_name(number)
            # Checked all the same where it is there: whether a key comes twice is seen over the whole file alone.
            found = self._unit(part, known)
            if known.any() and not path.exists():
                write_part(path, part.keys.filter(pa.array(known)), name, found)
            number += 1
            following = next(more, None)
            if following is None:
                break
            part = following
        written = int((self.place >= 0).sum())
        if not written or (written < len(self.keys) and not self.partial):
            missing = self.keys[int(np.argmin(self.place))].as_py()
            raise EvaluationError(
                f"{len(self.keys) - written:,} of {len(self.keys):,} pictures have no vector",
                where=f"{self.file}, such as key {missing!r}",
                expected="a vector for each picture of the run",
                remedy="make the missing ones, or bring what there is with --partial"
                if written
                else "write the key of each sample beside its vector: the column key of the view samples",
            )
        return written

    def _known(self, part: VectorRows) -> np.ndarray:
        """Return which rows are of a picture, and note them; raise for the first key that comes twice or is unknown."""
        rows = np.asarray(pc.fill_null(pc.index_in(part.keys, self.keys), -1), np.int64)
        known = rows >= 0
        numbers = part.first + np.arange(len(rows))
        if not known.all() and not self.partial:
            row = int(np.argmin(known))
            raise EvaluationError(
                f"the key {part.keys[row].as_py()!r} is of no picture of the run",
                where=f"{self.file}, row {int(numbers[row]) + 1}",
                expected=f"keys such as {self.keys[0].as_py()!r}",
                remedy="write the column key of the view samples beside each vector, or leave others out: --partial",
            )
        self.unknown += int((~known).sum())
        order = np.argsort(rows[known], kind="stable")
        sorted_rows, sorted_numbers = rows[known][order], numbers[known][order]
        same = np.flatnonzero(sorted_rows[1:] == sorted_rows[:-1])
        again = np.flatnonzero(self.place[sorted_rows] >= 0)
        if same.size or again.size:
            second = int(again[0] if again.size else same[0] + 1)
            before = self.place[sorted_rows[second]] if again.size else sorted_numbers[second - 1]
            raise EvaluationError(
                f"the key {self.keys[int(sorted_rows[second])].as_py()!r} comes twice",
                where=f"{self.file}, rows {int(before) + 1} and {int(sorted_numbers[second]) + 1}",
                expected="one vector for each picture",
                remedy="leave one row of each key",
            )
        self.place[sorted_rows] = sorted_numbers
        return known

    def _unit(self, part: VectorRows, known: np.ndarray) -> Vectors:
        """Return the vectors that are of a picture, of length one."""
        finite = np.isfinite(part.vectors).all(axis=1)
        lengths = row_lengths(part.vectors)
        for wrong, what in (
            (~finite, "holds a value that is no finite number of float32"),
            (finite & (lengths < _SHORTEST), "is of zeros, and has no direction"),
        ):
            rows = np.flatnonzero(wrong & known)
            if rows.size:
                row = int(rows[0])
                raise EvaluationError(
                    f"a vector {what}",
                    where=f"{self.file}, row {part.first + row + 1}, key {part.keys[row].as_py()!r}",
                    expected="finite numbers, not all 0",
                    remedy="embed this picture again, or leave its row out and bring the others with --partial",
                )
        vectors, lengths = part.vectors[known], lengths[known]
        if len(lengths) and not (lengths.min() > _NARROW and lengths.max() < 1 / _NARROW):
            return np.asarray(vectors / lengths[:, None], np.float32)
        return np.asarray(vectors / lengths[:, None].astype(np.float32), np.float32)


def _parts(file: Path) -> Iterator[VectorRows]:
    """Yield the rows of a file, as many as a part has at a time; raises EvaluationError as `read_vectors` does."""
    held: list[VectorRows] = []
    width = 0
    for each in read_vectors(file, ("key",)):
        width = width or each.vectors.shape[1]
        if each.vectors.shape[1] != width:  # a folder's files
            raise EvaluationError(f"vectors have {width:,} and {each.vectors.shape[1]:,} dimensions", where=str(file))
        held.append(each)
        if len(held) == _READ:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: list[VectorRows]) -> VectorRows:
    keys = pa.concat_arrays([each.keys for each in held])
    return VectorRows(held[0].first, keys, np.concatenate([each.vectors for each in held]))


def _keys(run: Place) -> pa.Array:
    """Return the keys of a run's samples, ascending, of the manifest of its shards."""
    shards, _ = located(address_of(run))
    with reading_samples(shards):
        keys = read_table(place(f"{shards}/manifest.parquet"), ["key"])["key"].combine_chunks().cast(pa.string())
    if not len(keys):
        raise EvaluationError("the run has no pictures", where=shards, expected="a run that kept some")
    return keys.take(pc.sort_indices(keys))


def _digest_of_keys(keys: pa.Array) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(keys), 1 << 16):
        digest.update("".join(f"{key}\n" for key in keys.slice(start, 1 << 16).to_pylist()).encode())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the parts of a folder."""
    digest = hashlib.sha256()
    try:
        for each in sorted(path.glob(PARTS)) if path.is_dir() else [path]:
            with each.open("rb") as file:
                while data := file.read(_BYTES):
                    digest.update(data)
    except OSError as error:
        raise EvaluationError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            expected="Parquet with columns key and vector",
        ) from error
    return digest.hexdigest()
