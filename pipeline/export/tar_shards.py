"""Export into new shards by stream copy: a sample's headers, image, caption and JSON go over byte for byte.

Nothing is decoded or encoded again; of lean shards the rows beside them go over value for value. Shard and place follow
from the recipe's seed and the sample's key, as in the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.export.bytes import ShardBytes, sample_bytes
from pipeline.export.choice import Choice
from pipeline.shards import (
    LEAN,
    README,
    SIZES,
    dali_index,
    index_path,
    order_key,
    sample_locations,
    samples_path,
    shard_count,
    shard_name,
    shard_of,
    shards_readme,
    sizes_json,
    write_checksums,
    write_samples,
)
from pipeline.shards.tar import BLOCK, RECORD
from pipeline.storage.database import quote
from pipeline.storage.files.atomic import atomic_path, table_writer, write_text
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_WRITE = 1 << 20


def export_shards(choice: Choice, out: Path) -> dict[str, int]:
    """Write shards, what lies beside them, and checksums.sha256; give samples by shard."""
    rules, seed = choice.recipe.shards, choice.recipe.seed
    manifest = choice.root / "shards" / "manifest.parquet"
    schema = pq.read_schema(manifest)
    totals = dict(
        choice.con.execute("SELECT split, count(*) FROM samples JOIN leaving USING (key) GROUP BY 1").fetchall()
    )
    counts = {split: shard_count(total, rules.samples_per_shard) for split, total in totals.items()}
    if choice.whole:
        # As many shards as the run has: one that loses no sample is then, byte for byte, the run's own.
        counts |= {split: number for split, number in _shards_of_run(choice) if split in totals}

    def shard(split: str, key: str) -> str:
        return shard_name(f"{rules.prefix}-{split}", shard_of(seed, key, counts[split]))

    def place(key: str) -> str:
        return f"{order_key(seed, key)[0]:016x}"

    choice.con.create_function("new_shard", shard, ["VARCHAR", "VARCHAR"], "VARCHAR")
    choice.con.create_function("new_place", place, ["VARCHAR"], "VARCHAR")
    lean = rules.layout == LEAN
    told = f"JOIN {_told(choice)} USING (key)" if lean else ""
    query = _SQL("moved", more=", told" if lean else "", joins=told)
    sizes: dict[str, int] = {}
    with (
        ShardBytes(choice.images / "shards") as source,
        table_writer(out / "manifest.parquet", schema) as writer,
    ):
        for name, rows in groupby(_rows(choice, query), key=lambda row: str(row["new_shard"])):
            moved = _copy(source, rows, out / name)
            write_text(index_path(out / name), dali_index(list(sample_locations(out / name))))
            if lean:
                write_samples(out / name, [row["told"] for row in moved])
            writer.write_table(pa.Table.from_pylist(moved, schema))
            sizes[name] = len(moved)
    write_text(out / SIZES, sizes_json(sizes))
    write_text(out / README, shards_readme(choice.recipe.name, rules.prefix, totals, rules.layout))
    names = [*sizes, *(index_path(name).name for name in sizes), SIZES, "manifest.parquet", README]
    write_checksums(out, [*names, *(samples_path(name).name for name in sizes if lean)])
    return sizes


def _told(choice: Choice) -> str:
    """Return a subquery of the rows beside the run's lean shards: key, and the whole row as `told`."""
    shards = choice.con.execute("SELECT DISTINCT shard FROM samples ORDER BY 1").fetchall()
    files = ", ".join(quote(f"shards/{samples_path(shard)}") for (shard,) in shards)
    return f"(SELECT key, s AS told FROM read_parquet([{files}]) s)"


def _shards_of_run(choice: Choice) -> list[tuple[str, int]]:
    """Return the number of shards of each split; every shard number is counted, also of one that no sample fell to."""
    return [(str(split), int(number)) for split, number in choice.con.execute(_SQL("shards_of_run")).fetchall()]


def _rows(choice: Choice, query: str) -> Iterator[dict[str, Any]]:
    for batch in choice.con.sql(query).to_arrow_reader(10_000):
        yield from batch.to_pylist()


def _copy(source: ShardBytes, rows: Iterator[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """Copy samples into one shard; give their manifest rows with their new places."""
    moved, at = [], 0
    with ExitStack() as stack:
        temporary = stack.enter_context(atomic_path(path))
        handle = stack.enter_context(temporary.open("wb", buffering=_WRITE))
        for row in source.ahead(rows, ("from_shard", "offset", "length")):
            handle.write(sample_bytes(source.read(row["from_shard"], row["offset"], row["length"]), row))
            step = at - row["offset"]
            moved.append(
                {
                    **row,
                    "shard": path.name,
                    "offset": at,
                    **{name: row[name] + step for name in row if _is_offset(name)},
                }
            )
            at += row["length"]
        handle.write(bytes(2 * BLOCK))
        handle.write(bytes(-(at + 2 * BLOCK) % RECORD))
    return moved


def _is_offset(name: str) -> bool:
    return name.endswith("_offset")
