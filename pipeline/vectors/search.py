"""The nearest pictures of pictures, or of vectors, among those of a run: exactly, in bounded memory.

Distances are 1 - cosine of the vectors as they are stored, in float16; of equal distances the lower key is nearer. The
set is read once for every 32,768 pictures that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.evaluate.measures.neighbours import QUERIES, Nearest, Propose, block
from pipeline.evaluate.measures.vectors import Codes, Flags, Numbers, Vectors
from pipeline.model.errors import EvaluationError, MissingExtraError
from pipeline.storage.places import Place
from pipeline.vectors.neighbour_question import Asked, Samples, read_samples, rows_asked
from pipeline.vectors.stored_vectors import Stored, open_stored

_PASS = 1 << 15
_HELD = 1 << 23
"""Neighbours held at once: fewer pictures are asked for at a time where each has many."""
COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("accepted_id", pa.string()),
        ("accepted_name", pa.string()),
        ("split", pa.string()),
        ("rank", pa.int32()),
        ("distance", pa.float64()),
        ("neighbour", pa.string()),
        ("neighbour_accepted_id", pa.string()),
        ("neighbour_accepted_name", pa.string()),
        ("neighbour_split", pa.string()),
        ("same_group", pa.bool_()),
    ]
)
"""A row for each picture and neighbour; of a picture that is not of the run the first four are null but the key."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A search, and of what it is: none found is told from none searched."""

    tables: Iterator[pa.Table]
    """The neighbours, in tables of COLUMNS: by key, then by rank; read once."""
    asked: int
    """Pictures that neighbours are searched for."""
    without: int
    """Pictures that were asked for and have no vector in the set."""
    among: int
    """Pictures that are searched."""


def neighbours_of_pictures(run: Place, name: str, asked: Asked) -> Iterator[pa.Table]:
    """Yield the neighbours of pictures in the set `name`, in tables of COLUMNS: by key, then by rank.

    Raises as `search_pictures` does.
    """
    yield from search_pictures(run, name, asked).tables


def search_pictures(run: Place, name: str, asked: Asked) -> Searched:
    """Return the search for the neighbours of pictures in the set `name`, to be gone through.

    A picture is never its own neighbour. Raises EvaluationError for a question that cannot be, for a picture that is
    named and has no vector, where none that is asked for has one or none to search, and as `open_stored` does;
    FeedError for a condition that cannot be answered; MissingExtraError where faiss is asked for and not installed.
    """
    asked.check()
    samples = read_samples(run)
    stored = open_stored(run, name, samples)
    rows = rows_asked(run, samples, asked)
    there = np.zeros(len(samples), np.bool_)
    there[stored.rows] = True
    if asked.keys and not there[rows].all():
        key = samples.table["key"][int(rows[np.argmin(there[rows])])].as_py()
        raise EvaluationError(f"the picture {key!r} has no vector in the set {name!r}", where=str(stored.made.folder))
    kept = rows[there[rows]]
    if not kept.size:
        raise _none(stored, len(rows), "that are asked for")
    own = samples.groups if asked.other_groups else np.arange(len(samples))
    search = _Search(stored, samples, asked, own)
    return Searched(_tables(search, samples, asked, kept), len(kept), len(rows) - len(kept), search.among)


def _tables(search: _Search, samples: Samples, asked: Asked, rows: Codes) -> Iterator[pa.Table]:
    """Yield the neighbours of pictures by their numbers, ascending."""
    at_once = max(1, min(_PASS, _HELD // search.k))
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        found = search.nearest(_vectors(search.stored, part), search.own[part])
        yield _table(samples, asked, found, part)


def _none(stored: Stored, pictures: int, which: str) -> EvaluationError:
    return EvaluationError(
        f"{pictures:,} pictures {which} have no vector in the set {stored.made.folder.name!r}",
        where=str(stored.made.folder),
        expected=f"some of the {len(stored.rows):,} pictures that have one",
        remedy="embed all pictures of the run, under another name",
    )


def neighbours_of_vectors(run: Place, name: str, told: list[str], vectors: Vectors, asked: Asked) -> pa.Table:
    """Return the neighbours of vectors that are of no picture of the run, such as those of files; `told`: their names.

    Raises as `search_vectors` does.
    """
    (table,) = search_vectors(run, name, told, vectors, asked).tables
    return table


def search_vectors(run: Place, name: str, told: list[str], vectors: Vectors, asked: Asked) -> Searched:
    """Return the search for the neighbours of vectors, in one table; `told`: names of the vectors.

    Raises EvaluationError as `search_pictures` does, and where the dimensions differ.
    """
    asked.check()
    samples = read_samples(run)
    stored = open_stored(run, name, samples)
    if vectors.shape[1] != stored.made.width:
        raise EvaluationError(
            f"the vector has {vectors.shape[1]:,} numbers",
            where=str(stored.made.folder),
            expected=f"{stored.made.width:,}, as the set {name!r}",
            remedy="make it by the model that made the set",
        )
    search = _Search(stored, samples, asked, np.arange(len(samples)))
    # Rounded as stored vectors are, so that a picture of the run is found at the distance 0.
    stored_as = vectors.astype(np.float16).astype(np.float32)
    found = search.nearest(stored_as, np.full(len(vectors), -1))
    return Searched(iter([_table(samples, asked, found, None, told)]), len(vectors), 0, search.among)


class _Search:
    """A search of a set of vectors."""

    def __init__(self, stored: Stored, samples: Samples, asked: Asked, own: Codes) -> None:
        self.stored, self.own = stored, own
        self._among: Flags = samples.in_split(asked.among)
        self.among = int(self._among[stored.rows].sum())
        if not self.among:
            raise _none(
                stored, int(self._among.sum()), f"of the split {asked.among!r}" if asked.among else "of the run"
            )
        self.k = min(asked.k, self.among)
        self._propose = _faiss() if asked.library == "faiss" else None
        # A query's own group may fill the best places of what another library finds.
        self._more = int(np.bincount(own[stored.rows]).max()) if self._propose else 0

    def nearest(self, vectors: Vectors, own: Codes) -> tuple[Codes, Numbers]:
        """Return numbers of pictures and distances, of shape (vectors, k); numbers of -1 where there are fewer."""
        starts = range(0, len(vectors), QUERIES)
        parts = [Nearest(vectors[start : start + QUERIES], self.k, cosine=True) for start in starts]
        for rows, some in self.stored.blocks():
            kept = self._among[rows]
            if not kept.any():
                continue
            rows = rows[kept]
            made = block(rows, some[kept], cosine=True)
            for start, part in zip(starts, parts, strict=True):
                apart = own[start : start + QUERIES, None] == self.own[rows][None, :]
                part.add(made, apart, self._propose, self._more)
        found = np.concatenate([part.rows for part in parts])
        # A cosine is at most 1; division may leave it at the next number above.
        return found, 1 - np.minimum(np.concatenate([part.scores for part in parts]), 1)


def _vectors(stored: Stored, rows: Codes) -> Vectors:
    """Return the vectors of pictures, ascending numbers."""
    found = np.empty((len(rows), stored.made.width), np.float32)
    for some, vectors in stored.blocks():
        place = np.searchsorted(rows, some)
        place[place == len(rows)] = 0
        asked = rows[place] == some
        found[place[asked]] = vectors[asked]
    return found


def _table(
    samples: Samples, asked: Asked, found: tuple[Codes, Numbers], rows: Codes | None, told: list[str] | None = None
) -> pa.Table:
    neighbours, distances = found
    kept = neighbours >= 0
    if asked.within is not None:
        kept &= distances <= asked.within
    query, place = np.nonzero(kept)
    near = neighbours[kept]
    one = samples.table.take(pa.array(rows[query])) if rows is not None else None
    other = samples.table.take(pa.array(near))
    nothing = pa.nulls(len(query), pa.string())
    columns = {
        "key": one["key"] if one is not None else pa.array([(told or [])[each] for each in query], pa.string()),
        **{name: one[name] if one is not None else nothing for name in ("accepted_id", "accepted_name", "split")},
        "rank": pa.array(place + 1, pa.int32()),
        "distance": pa.array(distances[kept], pa.float64()),
        "neighbour": other["key"],
        **{f"neighbour_{name}": other[name] for name in ("accepted_id", "accepted_name", "split")},
        "same_group": pa.array(samples.groups[rows[query]] == samples.groups[near])
        if rows is not None
        else pa.nulls(len(query), pa.bool_()),
    }
    return pa.table(columns, schema=COLUMNS)


def _faiss() -> Propose:
    """Return the search of a block by faiss' IndexFlatIP."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(
            f"--library faiss needs the package faiss-cpu, which cannot be imported ({error}): "
            "pip install 'biomill[faiss]'"
        ) from error

    def propose(queries: Vectors, base: Vectors, k: int) -> tuple[Codes, Codes]:
        index = faiss.IndexFlatIP(base.shape[1])
        index.add(np.ascontiguousarray(base))
        _, columns = index.search(np.ascontiguousarray(queries), k)
        there = columns >= 0
        return np.nonzero(there)[0], columns[there].astype(np.int64)

    return propose
