"""A set of vectors beside a run, read block by block from a disk or an address, by the numbers of its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.nearness import closest
from pipeline.embed.vector_files import PARTS, Embedded, embedded, finished
from pipeline.evaluate.measures.neighbours import BASE
from pipeline.evaluate.measures.vectors import Codes, Vectors
from pipeline.model.errors import EvaluationError
from pipeline.storage.parquet_files import parquet_file
from pipeline.storage.places import Place, matching
from pipeline.vectors.neighbour_question import Samples

_REMEDY = "remove the folder of the set, and embed the run again"


@dataclass(frozen=True, slots=True)
class Stored:
    """The vectors of some pictures of a run."""

    made: Embedded
    parts: tuple[Place, ...]
    rows: Codes
    """int64[vectors]: number of the picture of each vector, in the order in which they are stored."""

    def blocks(self) -> Iterator[tuple[Codes, Vectors]]:
        """Yield numbers of pictures, ascending within a block, and their vectors in float32."""
        first = 0
        for path in self.parts:
            for flat, count in _lists(path):
                if len(flat) != count * self.made.width:
                    raise _damaged(str(path), f"vectors of {self.made.width} numbers")
                matrix = flat.reshape(count, self.made.width)
                rows = self.rows[first : first + count]
                order = np.argsort(rows)
                first += count
                yield rows[order], matrix[order].astype(np.float32)


def _lists(path: Place) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the numbers of the vectors of a part, one after another, and of how many vectors they are."""
    with _reading(path):
        for batch in parquet_file(path, pre_buffer=False).iter_batches(BASE, columns=["vector"]):
            yield batch["vector"].flatten().to_numpy(zero_copy_only=False), batch.num_rows


@contextmanager
def _reading(path: Place) -> Iterator[None]:
    """Raise EvaluationError where a part cannot be read, or has not the columns of one."""
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, AttributeError) as error:
        raise EvaluationError(
            f"the vectors cannot be read: {' '.join(str(error).split())[:200]}",
            where=str(path),
            expected="Parquet with columns key and vector, as `biomill embed` writes it",
            remedy=_REMEDY,
        ) from error


def open_stored(run: Place, name: str, samples: Samples) -> Stored:
    """Return a finished set of vectors of a run.

    Raises EvaluationError where there is none of that name, a picture has two vectors, or a part is gone or cannot be
    read; FeedError where its record cannot. Vectors of keys that the run does not have (any more) are refused: they are
    of other data.
    """
    made = finished(run, name)
    if made is None:
        names = [each.folder.name for each in embedded(run)]
        near = closest(name, names)
        raise EvaluationError(
            f"the run has no finished set of vectors {name!r}",
            where=str(run),
            expected=f"one of {', '.join(names)}" if names else "vectors beside the run",
            remedy=f"did you mean {near!r}?" if near else f"biomill embed {run} --model MODEL --name {name}",
        )
    parts = tuple(matching(made.folder, PARTS))
    chunks = []
    for each in parts:
        with _reading(each):
            chunks += parquet_file(each).read(["key"])["key"].cast(pa.string()).chunks
    found = pc.index_in(pa.chunked_array(chunks, pa.string()), samples.table["key"])
    rows = np.asarray(pc.fill_null(found, -1), np.int64)
    if len(rows) != made.pictures:
        raise _damaged(str(made.folder), f"{made.pictures:,} vectors")
    if (rows < 0).any():
        raise EvaluationError(
            f"{int((rows < 0).sum()):,} vectors are of no picture of the run as it is now",
            where=str(made.folder),
            expected="vectors of the run's pictures",
            remedy=_REMEDY,
        )
    if len(np.unique(rows)) != len(rows):
        raise _damaged(str(made.folder), "one vector for each picture")
    return Stored(made, parts, rows)


def _damaged(where: str, expected: str) -> EvaluationError:
    return EvaluationError("the vectors are not what was written", where, expected, _REMEDY)
