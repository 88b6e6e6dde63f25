"""A copy of a run that a fault is planted in, and how much of what tells of the fault is forged along with it."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import recipe_from_json
from pipeline.cards import CARDS
from pipeline.cards.facts import gather
from pipeline.cards.write import card_files
from pipeline.catalog import connect_catalog
from pipeline.run.noted import note_files
from pipeline.shards import CHECKSUMS, ShardWriter, dali_index, index_path, write_checksums
from pipeline.shards.tar import SampleLocation
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.run_folder import STAGES, RunFolder

Members = list[tuple[str, bytes]]
Samples = list[tuple[str, Members]]
FORGERIES = ("nothing", "checksums", "all marks")
"""What is made anew after a fault: nothing; both checksums.sha256; these, the stages' notes and the cards as well."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how it is planted, and what a finding must say to have named it."""

    kind: str
    name: str
    plant: Callable[[Path, Random], None]
    named: tuple[str, ...]
    """Words that one finding must hold, all of them."""
    alone: bool = False
    """It hides or shifts others, so nothing else is planted with it."""
    forgeries: Sequence[str] = FORGERIES
    """After which forgeries it can be seen at all."""
    cards: bool = True
    """Whether the cards are made anew with all marks; not where they are what is wrong."""


def linked_copy(run: Path, out: Path) -> Path:
    """Copy a run by hard links; what is written afterwards is written anew."""
    shutil.copytree(run, out, copy_function=os.link, ignore=shutil.ignore_patterns(".duckdb", ".lock"))
    return out


def put(path: Path, data: bytes) -> None:
    """Replace a file of a linked copy without touching the run it was copied from."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def put_table(path: Path, table: pa.Table) -> None:
    """Replace a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    put(path, buffer.getvalue())


def edit_table(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the rows of a Parquet file, its schema staying as it is."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    put_table(path, pa.Table.from_pylist(rows, table.schema))


def shards_of(run: Path) -> list[Path]:
    """Return the tars of a run."""
    return sorted((run / "shards").glob("*.tar"))


def read_tar(path: Path) -> Samples:
    """Read a shard with Python's own reader."""
    found: dict[str, Members] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, suffix = member.name.partition(".")
            found.setdefault(key, []).append((suffix, tar.extractfile(member).read()))  # type: ignore[union-attr]
    return list(found.items())


def write_tar(path: Path, samples: Samples) -> list[SampleLocation]:
    """Write a shard anew, with its index and all that manifest.parquet says of places: a consistent forgery."""
    buffer = io.BytesIO()
    writer = ShardWriter(buffer)
    places = [writer.add(key, members) for key, members in samples]
    writer.close()
    put(path, buffer.getvalue())
    put(index_path(path), dali_index(places).encode())
    known = {place.key: place for place in places}

    def move(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            place = known.get(row["key"])
            if place is not None and row["shard"] == path.name:
                jpg = next((member for member in place.members if member.suffix == "jpg"), None)
                row |= {"offset": place.offset, "length": place.length}
                row |= {"jpg_offset": jpg and jpg.offset, "jpg_length": jpg and jpg.size}

    edit_table(path.parent / "manifest.parquet", move)
    return places


def forge(run: Path, forgery: str, cards: bool = True) -> None:
    """Make anew what would tell of a fault without anyone looking."""
    if forgery == "nothing":
        return
    shards = run / "shards"
    if (shards / CHECKSUMS).exists():
        _relist(shards, [path.name for path in shards.iterdir() if path.suffix in (".tar", ".idx", ".parquet", ".md")])
    if forgery == "all marks":
        folder = RunFolder(run)
        for stage in STAGES:
            (folder.stage(stage) / "_files.sha256").unlink(missing_ok=True)
            done = read_json(folder.done(stage)) | {"files": note_files(folder, stage)}
            folder.done(stage).unlink()
            write_json(folder.done(stage), done)
        if cards:
            recipe = recipe_from_json(read_json(run / "manifest.json")["resolved"], run)
            with connect_catalog(run) as con:
                for name, data in card_files(con, run, recipe, gather(con, run, recipe)).items():
                    put(run / name, data)
    _relist(run, [name for name in CARDS if (run / name).exists()])


def _relist(folder: Path, names: Iterable[str]) -> None:
    listed = [name for name in names if name != "plan.parquet"]
    listed += ["sizes.json"] if (folder / "sizes.json").exists() and "sizes.json" not in listed else []
    (folder / CHECKSUMS).unlink(missing_ok=True)
    write_checksums(folder, sorted(listed))


def other_value(value: Any, kind: pa.DataType | None, random: Random) -> Any:
    """Return a value of the same type that is another."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + random.choice((-1, 1, 2, 512))
    if isinstance(value, float):
        return value + random.choice((0.25, -0.25, 1e-6))
    if isinstance(value, list):
        return [*value[1:], value[0] + 1.5] if value else [1.0]
    if isinstance(value, str) and value:
        return random.choice((value + "x", value[:-1] + ("y" if value[-1] != "y" else "z"), value.swapcase() + "'"))
    if kind is not None and pa.types.is_floating(kind):
        return 0.5
    if kind is not None and pa.types.is_boolean(kind):
        return True
    return 7 if kind is not None and pa.types.is_integer(kind) else "planted"


def json_of(members: Members) -> dict[str, Any]:
    """Return a sample's JSON."""
    found: dict[str, Any] = json.loads(dict(members)["json"])
    return found
