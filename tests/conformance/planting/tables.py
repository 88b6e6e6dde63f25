"""Faults of manifest.parquet, column by column, of ATTRIBUTION.parquet, and of the stages' own tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conformance.planting.forgery import Fault, edit_table, other_value, put_table, shards_of

MANIFEST = "shards/manifest.parquet"
_FEEDS = {
    "ingest/records": ("license_verbatim", "creator", "rights_holder", "lat", "sex", "source_page", "event_date"),
    "resolve/names": ("accepted_name", "genus", "vernacular_name", "match_type"),
    "fetch/media": ("phash", "pixel_sha256", "source_width", "quality"),
    "select/decisions": ("group_id", "name_id", "weight", "image_id", "accepted_id"),
    "likeness/kept": ("group_id", "image_id", "name_id"),
}
"""Columns of stages that samples are made of: the shards differ from them when they change."""


def manifest_faults(run: Path) -> Iterator[Fault]:
    """Yield a fault for every column that the manifest has, and for its rows and its shape."""
    schema = pq.read_schema(run / MANIFEST)
    for number, field in enumerate(schema):
        yield Fault(
            "manifest.parquet, column",
            field.name,
            partial(_change_cell, number=number, field=field),
            (f"column {field.name}",),
        )
    for name, plant, named in (
        ("two rows' jpg_offset swapped", _swap_places, "column jpg_offset"),
        ("a row less", _drop_row, "samples without a row"),
        ("a row twice", _repeat_row, "keys more than once"),
        ("a row of another record", _strange_row, "rows without a sample"),
        ("rows in another order", _turn_rows, "order of the rows"),
        ("a column less", _drop_column, "column weight"),
        ("a column more", _add_column, "column planted"),
        ("a column of another type", _widen_column, "column width"),
    ):
        made = name != "a column less"  # no card can be made of a manifest that the views cannot read
        yield Fault("manifest.parquet, rows and shape", name, plant, (named,), alone=True, cards=made)


def attribution_faults(run: Path) -> Iterator[Fault]:
    """Yield a fault for every column of the attribution, and for its rows."""
    path = "ATTRIBUTION.parquet"
    for number, field in enumerate(pq.read_schema(run / path)):
        plant = partial(_change_cell, number=number, field=field, path=path)
        named = (f"ATTRIBUTION.parquet, column {field.name}",)
        yield Fault("ATTRIBUTION.parquet, column", field.name, plant, named, cards=False)
    yield Fault(
        "ATTRIBUTION.parquet, rows", "a row less", partial(_drop_row, path=path), (path,), alone=True, cards=False
    )


def stage_faults(run: Path) -> Iterator[Fault]:
    """Yield a fault for every table of every stage, and for columns that the shards are made of."""
    for folder in sorted({file.parent for file in run.rglob("*.parquet")} - {run, run / "taxonomy"}):
        name = folder.relative_to(run).as_posix()
        filled = [file for file in sorted(folder.glob("*.parquet")) if pq.read_metadata(file).num_rows]
        if filled and not name.startswith(("corpus", "inputs")) and name != "shards":
            file = filled[-1].relative_to(run).as_posix()
            yield Fault("table of a stage", file, partial(_last_row, path=file), (file,), forgeries=("nothing",))
    for table, columns in _FEEDS.items():
        for column in columns:
            if column in pq.read_schema(next((run / table).glob("*.parquet"))).names:
                plant = partial(_change_fed, table=table, column=column)
                named = f"column {column}" if table.startswith(("select", "likeness")) else f"key {_key(table, column)}"
                yield Fault(f"column of {table} that samples are made of", column, plant, (named,))


def _key(table: str, column: str) -> str:
    return {"resolve/names": "taxon.", "fetch/media": "image."}.get(table, "") + column


def _change_cell(run: Path, random: Random, number: int, field: pa.Field, path: str = MANIFEST) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        # Another row for every column, so that none hides the other's.
        row = rows[(number * 7 + random.randrange(7)) % len(rows)]
        others = sorted({str(each[field.name]) for each in rows if each[field.name] not in (None, row[field.name])})
        if field.name == "shard":
            row[field.name] = others[0] if others else "other-000000.tar"
        elif others and pa.types.is_string(field.type) and random.random() < 0.5:
            row[field.name] = random.choice(others)
        else:
            row[field.name] = other_value(row[field.name], field.type, random)

    edit_table(run / path, change)


def _swap_places(run: Path, random: Random) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        shard = random.choice(rows)["shard"]
        one, other = random.sample([row for row in rows if row["shard"] == shard], 2)
        for name in ("jpg_offset", "jpg_length"):
            one[name], other[name] = other[name], one[name]

    edit_table(run / MANIFEST, change)


def _drop_row(run: Path, random: Random, path: str = MANIFEST) -> None:
    edit_table(run / path, lambda rows: rows.__delitem__(random.randrange(len(rows))))


def _repeat_row(run: Path, random: Random) -> None:
    edit_table(run / MANIFEST, lambda rows: rows.append(dict(random.choice(rows))))


def _strange_row(run: Path, random: Random) -> None:
    edit_table(
        run / MANIFEST, lambda rows: rows.append(random.choice(rows) | {"key": "strange", "record_id": "strange"})
    )


def _turn_rows(run: Path, random: Random) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        at = random.randrange(len(rows) - 1)
        rows[at], rows[at + 1] = rows[at + 1], rows[at]

    edit_table(run / MANIFEST, change)


def _drop_column(run: Path, random: Random) -> None:
    put_table(run / MANIFEST, pq.read_table(run / MANIFEST).drop_columns(["weight"]))


def _add_column(run: Path, random: Random) -> None:
    table = pq.read_table(run / MANIFEST)
    put_table(run / MANIFEST, table.append_column("planted", pa.array(["x"] * table.num_rows)))


def _widen_column(run: Path, random: Random) -> None:
    table = pq.read_table(run / MANIFEST)
    at = table.schema.get_field_index("width")
    put_table(run / MANIFEST, table.set_column(at, "width", table["width"].cast(pa.int64())))


def _last_row(run: Path, random: Random, path: str) -> None:
    """Change the last row in its first text; what is a table of numbers loses the row."""
    table = pq.read_table(run / path)
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]

    def change(rows: list[dict[str, Any]]) -> None:
        if texts:
            rows[-1][texts[-1]] = other_value(rows[-1][texts[-1]], None, random)
        else:
            rows.pop()

    edit_table(run / path, change)


def _change_fed(run: Path, random: Random, table: str, column: str) -> None:
    """Change a column in the rows of records that lie in the shards, of one file."""
    kept = pq.read_table(run / "select/decisions").select(["record_id", "image_id", "name_id"]).to_pylist()
    wanted = {name: {row[name] for row in kept} for name in ("record_id", "image_id", "name_id")}
    by = {"resolve/names": "name_id", "fetch/media": "image_id"}.get(table, "record_id")
    files = sorted((run / table).glob("*.parquet"))
    random.shuffle(files)
    for file in files:
        rows = [row for row in pq.read_table(file).to_pylist() if row[by] in wanted[by]]
        if rows:
            chosen, kind = random.choice(rows)[by], pq.read_schema(file).field(column).type

            def change(rows: list[dict[str, Any]], chosen: str = chosen, kind: pa.DataType = kind) -> None:
                for row in rows:
                    if row[by] == chosen:
                        row[column] = other_value(row[column], kind, random)

            edit_table(file, change)
            return
    raise AssertionError(f"no row of {table} lies in {len(shards_of(run))} shards")
