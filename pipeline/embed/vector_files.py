"""Files of vectors: one part for a stretch of samples, whole or absent, so that embedding goes on where it stopped.

    embeddings/NAME/pictures-00000.parquet …   key, model, vector
    embeddings/NAME/names-TEXT.parquet         accepted_id, text, caption, model, vector
    embeddings/NAME/_begun.json                written first: all that the vectors depend on (`DIFFER` names it)
    embeddings/NAME/_done.json                 written last: the same, and how many there are

A vector is a list of float16, of length 1 in the model's own space: half the bytes of float32, and cosines right to
three digits. DuckDB reads it as FLOAT[].
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.catalog.open import BESIDE
from pipeline.model.errors import FeedError, UsageError
from pipeline.storage.files.atomic import read_json, table_writer, write_json, write_table
from pipeline.storage.places import Place, matching

(FOLDER,) = BESIDE
BEGUN, DONE = "_begun.json", "_done.json"
PARTS = "pictures-*.parquet"
BROUGHT = "brought as Parquet"
"""The preprocessing of a set that no model of `biomill embed` made."""
VECTOR = pa.list_(pa.float16())
MODEL = pa.dictionary(pa.int32(), pa.string())
PICTURES_SCHEMA = pa.schema([("key", pa.string()), ("model", MODEL), ("vector", VECTOR)])
NAMES_SCHEMA = pa.schema(
    [
        ("accepted_id", pa.string()),
        ("text", pa.string()),
        ("caption", pa.string()),
        ("model", MODEL),
        ("vector", VECTOR),
    ]
)
DIFFER: Mapping[str, str] = {
    "model": "by another model",
    "weights": "by other weights of the model",
    "preprocessing": "with other preprocessing",
    "file": "from another file",
    "width": "by another model",
    "batch": "in batches of another size",
    "data": "of other pictures or shards",
}
"""What identifies a set of vectors, and what is wrong where a folder has another value of it."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What lies in one folder of vectors."""

    folder: Place
    model: str
    width: int
    pictures: int
    digest: str
    """Of all that identifies the set."""
    weights: str = ""
    """Digest of the model's weights; '' of vectors that were brought."""
    preprocessing: str = ""


def part_name(number: int) -> str:
    """Return the name of a part.

    >>> part_name(3)
    'pictures-00003.parquet'
    """
    return f"pictures-{number:05d}.parquet"


def names_name(text: str) -> str:
    """Return the name of the file with the captions of a text type."""
    return f"names-{text}.parquet"


def folder_of(run: Place, name: str) -> Place:
    """Return the folder of a set of vectors; raise FeedError for a name that is no plain word."""
    if not _NAME.fullmatch(name):
        raise FeedError(f"the vectors cannot be called {name!r}", expected="letters, digits, '_', '-' and '.'")
    return run / FOLDER / name


def begin(folder: Place, facts: Mapping[str, Any]) -> None:
    """Note what the vectors of a folder depend on, before the first part.

    Raises UsageError where it holds vectors of other facts, and says which differ.
    """
    begun = folder / BEGUN
    if not begun.exists():
        if matching(folder, PARTS):
            raise UsageError(
                "the folder holds vectors, and does not say of what", str(folder), remedy="name another set with --name"
            )
        write_json(begun, dict(facts))
        return
    try:
        before = read_json(begun)
    except ValueError as error:
        raise _unreadable(begun) from error
    if not isinstance(before, dict):
        raise _unreadable(begun)
    if before == facts:
        return
    name = next((each for each in DIFFER if before.get(each) != facts.get(each)), "data")
    raise UsageError(
        f"the folder holds vectors made {DIFFER[name]}",
        f"{folder}, {name}: {_short(before.get(name))}",
        f"{name}: {_short(facts.get(name))}",
        "name another set with --name, or remove the folder",
    )


def _short(value: Any) -> str:
    return "not noted" if value is None else str(value)[:400]


def digest_of(facts: Mapping[str, Any]) -> str:
    """Return a digest of what identifies a set."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def vectors_column(matrix: Matrix) -> pa.Array:
    """Return the rows of a matrix as lists of float16.

    >>> vectors_column(np.eye(2, dtype=np.float32)).to_pylist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    rows, width = matrix.shape
    flat = pa.array(np.ascontiguousarray(matrix, np.float16).reshape(-1), pa.float16())
    return pa.ListArray.from_arrays(np.arange(0, (rows + 1) * width, width, dtype=np.int32), flat)


def write_part(path: Place, keys: Sequence[str] | pa.Array, model: str, matrix: Matrix) -> None:
    """Write the vectors (n, width) of pictures, by key."""
    columns = [pa.array(keys, pa.string()), _models(model, len(keys)), vectors_column(matrix)]
    with table_writer(path, PICTURES_SCHEMA, use_dictionary=["model"]) as writer:
        writer.write_table(pa.table(columns, schema=PICTURES_SCHEMA))


def write_names(
    path: Place, taxa: Sequence[str], text: str, captions: Sequence[str], model: str, matrix: Matrix
) -> None:
    """Write the vectors (n, width) of taxa's captions of one text type."""
    told = [pa.array(column, pa.string()) for column in (taxa, [text] * len(taxa), captions)]
    columns = [*told, _models(model, len(taxa)), vectors_column(matrix)]
    write_table(path, pa.table(columns, schema=NAMES_SCHEMA))


def _models(model: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([model]))


def embedded(run: Place) -> list[Embedded]:
    """Return the finished sets of vectors of a run, by name; one whose record cannot be read is none."""
    found = []
    for mark in matching(run / FOLDER, f"*/{DONE}"):
        with suppress(FeedError):
            found.append(_recorded(mark))
    return found


def finished(run: Place, name: str) -> Embedded | None:
    """Return the finished set of that name, None where there is none; raise FeedError where its record is broken."""
    mark = folder_of(run, name) / DONE
    return _recorded(mark) if mark.exists() else None


def _recorded(mark: Place) -> Embedded:
    try:
        facts = read_json(mark)
        counts = int(facts["width"]), int(facts["pictures"])
        told = [str(facts[each]) for each in ("model", "digest")]
        told += [str(facts.get(each, "")) for each in ("weights", "preprocessing")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(mark) from error
    return Embedded(mark.parent, told[0], *counts, *told[1:])


def _unreadable(record: Place) -> FeedError:
    return FeedError(
        f"the record of the set of vectors {record.parent.name!r} cannot be read",
        str(record),
        "JSON as `biomill embed` writes it",
        "remove the folder of the set, and embed the run again",
    )


def check_made(run: Place, name: str) -> None:
    """Raise UsageError where a set of vectors was brought from a file, so that no model can be asked for more."""
    made = finished(run, name)
    if made is not None and made.preprocessing == BROUGHT:
        raise UsageError(
            f"the set {name!r} was brought from a file: --image cannot be asked of it",
            str(made.folder),
            "a set that `biomill embed --model` made",
            "embed the run by the model, under another name, and ask that set",
        )


def check_source(run: Place, name: str, facts: Mapping[str, Any]) -> None:
    """Raise UsageError where a set of vectors was made by another model than the facts of one tell."""
    before = finished(run, name)
    if before is None:
        return
    for fact in ("model", "weights", "preprocessing"):
        if getattr(before, fact) != facts[fact]:
            raise UsageError(
                f"the set {name!r} was made {DIFFER[fact]}",
                f"--model, {fact}: {_short(facts[fact])}",
                f"{fact}: {_short(getattr(before, fact) or None)}, as {before.folder} records",
                "name the model that made the set",
            )
