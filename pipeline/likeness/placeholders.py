"""Placeholders in the search for leaks: a picture that fetch has ended may still be one that a benchmark holds out.

No image of a placeholder goes on, so nothing of it can leak. But a picture taken for a placeholder that is near a
held-out image says that the benchmark holds it too, or that it was none; so every distinct picture is searched once,
and each record that ended with it is listed among the leaks. Placeholders meet no other image: they neither suppress
copies nor make conflicts, and their occurrences stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.likeness.leaks import record_leaks
from pipeline.likeness.verification import Int
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_LEAK_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("sha256", "pixel_sha256", "benchmark", "item", "rule")]
    + [("distance", pa.int32()), ("variant", pa.int32()), ("phash_distance", pa.int32())]
)


@dataclass(frozen=True, slots=True)
class Placeholders:
    """The distinct pictures of a fetch's placeholders, in the order of their digests."""

    pictures: pa.Table
    """sha256, pixel_sha256, pdq, phash, quality."""
    usable: npt.NDArray[np.bool_]
    """Whether a picture's hash carries information, bool[n]."""
    hashes: npt.NDArray[np.uint8]
    """PDQ of the usable ones, uint8[m, 32]."""
    phashes: npt.NDArray[np.uint8]
    """pHash of the usable ones, uint8[m, 8]."""

    @classmethod
    def read(cls, folder: RunFolder, memory_mb: int, minimum_quality: int) -> Placeholders:
        """Return the placeholders of a finished fetch; DuckDB gets `memory_mb`."""
        with sql.connect(memory_mb, folder.root) as con:
            pictures = sql.table(
                con,
                _SQL("pictures", ended=_ended(folder)),
            )
        usable = np.asarray(pictures["quality"].to_numpy() >= minimum_quality)
        clear = pictures.filter(pc.greater_equal(pictures["quality"], minimum_quality))
        return cls(
            pictures,
            usable,
            np.frombuffer(b"".join(clear["pdq"].to_pylist()), np.uint8).reshape(-1, 32),
            np.frombuffer(bytes.fromhex("".join(clear["phash"].to_pylist())), np.uint8).reshape(-1, 8),
        )

    def write_leaks(self, folder: RunFolder, memory_mb: int, start: int, found: pa.Table, items: pa.Table) -> None:
        """Write the leaks of the records as `leaks/placeholders.parquet`.

        `start`: place of the first hash among those that were searched; `found`: FOUND_SCHEMA of all units; `items`:
        the held-out ones.
        """
        node: Int = np.full(len(self.usable), -1, np.int64)
        node[self.usable] = start + np.arange(int(self.usable.sum()))
        digests = {name: self.pictures[name].to_pylist() for name in ("sha256", "pixel_sha256")}
        rows = [
            {name: column[index] for name, column in digests.items()}
            | {"benchmark": leak.benchmark, "item": leak.item, "rule": leak.rule}
            | {"distance": leak.distance, "variant": leak.variant, "phash_distance": leak.phash_distance}
            for index, leak in record_leaks(self.pictures, node, self.usable, found, items).items()
        ]
        with sql.connect(memory_mb, folder.root) as con:
            con.register("leaking", pa.Table.from_pylist(rows, _LEAK_SCHEMA))
            query = _SQL("leaks", ended=_ended(folder))
            sql.copy(con, query, folder.stage("likeness") / "leaks" / "placeholders.parquet")


def _ended(folder: RunFolder) -> str:
    """Return the query of the records that ended as placeholder, with the picture that each was given."""
    stage = folder.stage
    return _SQL(
        "ended",
        ledger=sql.parquet(stage("fetch") / "ledger"),
        candidates=sql.parquet(stage("screen") / "candidates"),
        media=sql.parquet(stage("fetch") / "media"),
        placeholder=Outcome.PLACEHOLDER.code,
    )
