"""One pass over the shards: every header, every byte of every sample, against manifest and catalog.

The tar's own table of contents is believed in nothing: members are found by walking headers, images are hashed, and
JSON and caption are read. What is wrong is kept apart by kind, so that each promise has its own finding.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import VerifyError
from pipeline.records import RANK_COLUMNS
from pipeline.shards import (
    LEAN,
    SampleLocation,
    captions,
    json_form,
    member_suffixes,
    read_samples,
    read_sizes,
    sample_locations,
)
from pipeline.verify.check import Run

RIGHTS = ("license_id", "license_family", "rights_holder", "creator", "source_page")
LABELS = ("split", "group_id", "source", "accepted_id", "accepted_name", *RANK_COLUMNS)
_CATALOG = (*RIGHTS, *LABELS, "vernacular_name")
_LARGEST = 64 << 20  # bytes of one member that are read at once
Row = tuple[object, ...]


@dataclass(slots=True)
class Contents:
    """What one pass over all shards found, by kind; empty lists where all is well."""

    samples: int = 0
    shards: int = 0
    archives: list[Row] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)
    places: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    captions: list[Row] = field(default_factory=list)
    rights: list[Row] = field(default_factory=list)
    labels: list[Row] = field(default_factory=list)


def read_contents(run: Run) -> Contents:
    """Walk and read all shards; raises VerifyError only when sizes.json cannot be read."""
    root = run.folder.stage("shards")
    sizes = read_sizes(root / "sizes.json")
    found, seen, layout = Contents(shards=len(sizes)), dict[str, str](), member_suffixes(run.recipe.shards.layout)
    lean = run.recipe.shards.layout == LEAN
    listed = {str(shard) for (shard,) in run.rows("SELECT DISTINCT shard FROM samples")}
    found.places += [(name, "is in only one of sizes.json and catalog") for name in sorted(listed ^ set(sizes))]
    repeated = run.rows("SELECT key, count(*) FROM samples GROUP BY 1 HAVING count(*) > 1 ORDER BY 1")
    found.keys += [(key, f"{times} times in the manifest") for key, times in repeated]
    shapes: list[tuple[str, str, tuple[str, ...]]] = []
    for shard, size in sorted(sizes.items()):
        rows = _catalog_rows(run, shard)
        try:
            samples = list(sample_locations(root / shard))
        except VerifyError as error:
            twice = _names_twice(root / shard)
            found.keys += twice
            if not twice:
                found.archives.append((str(error).replace("\n", ";"),))
            continue
        found.samples += len(samples)
        told = _lean_rows(root / shard, found) if lean else {}
        if len(samples) != size or len(rows) != size:
            found.places.append(
                (f"{shard}: {len(samples)} samples in the tar, {size} in sizes.json, {len(rows)} in the catalog",)
            )
        with (root / shard).open("rb") as handle:
            for sample in samples:
                if sample.key in seen:
                    found.keys.append((sample.key, f"in {seen[sample.key]} and {shard}"))
                seen[sample.key] = shard
                shapes.append((shard, sample.key, tuple(member.suffix for member in sample.members)))
                row = rows.get(sample.key)
                if row is None:
                    found.places.append((f"{shard}: {sample.key} is not in the catalog",))
                else:
                    _read_sample(handle, shard, sample, row, found)
                    if lean and sample.key in told:
                        _read_json(json_form(told[sample.key]), f"{shard}: {sample.key}", row, found)
        if lean and list(told) != [sample.key for sample in samples]:
            found.members.append((f"{shard}: the Parquet file beside it has other keys, or in another order",))
    for shard, key, shape in shapes:
        lacking = sorted(set(layout) - set(shape))
        if lacking:
            found.members.append((f"{shard}: {key} has no {', '.join(lacking)}",))
        elif shape != layout:
            found.members.append((f"{shard}: {key} holds {', '.join(shape)}, the layout {', '.join(layout)}",))
    return found


def _lean_rows(shard: Path, found: Contents) -> dict[str, dict[str, Any]]:
    try:
        return {row["key"]: row for row in read_samples(shard)}
    except VerifyError as error:
        found.members.append((str(error).replace("\n", ";"),))
        return {}


def _catalog_rows(run: Run, shard: str) -> dict[str, dict[str, Any]]:
    columns = ('"offset"', '"length"', "jpeg_sha256", *(f'"{name}"' for name in _CATALOG))
    cursor = run.con.execute(f"SELECT key, {', '.join(columns)} FROM samples WHERE shard = ?", [shard])
    names = [column[0] for column in cursor.description or []]
    return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def _names_twice(path: Path) -> list[Row]:
    """Give the member names that come twice, as Python's own tar reader sees them."""
    try:
        with tarfile.open(path) as tar:
            names = Counter(tar.getnames())
    except (tarfile.TarError, OSError):
        return []  # an archive that no reader understands is a finding of its own
    return [(f"{path.name}: {name} comes {times} times",) for name, times in sorted(names.items()) if times > 1]


def _read_sample(handle: BinaryIO, shard: str, sample: SampleLocation, row: Mapping[str, Any], found: Contents) -> None:
    where = f"{shard}: {sample.key}"
    if (sample.offset, sample.length) != (row["offset"], row["length"]):
        found.places.append(
            (f"{where} lies at {sample.offset} + {sample.length}, in the catalog {row['offset']} + {row['length']}",)
        )
    data: dict[str, bytes] = {}
    for member in sample.members:
        handle.seek(member.offset)
        data[member.suffix] = handle.read(min(member.size, _LARGEST))
    if "jpg" in data and hashlib.sha256(data["jpg"]).hexdigest() != row["jpeg_sha256"]:
        found.images.append((f"{where}.jpg is not the image that was stored (SHA-256)",))
    texts = captions({rank: row[rank] for rank in RANK_COLUMNS}, row["vernacular_name"])
    if "txt" in data and data["txt"] != texts.default.encode():
        found.captions.append((f"{where}.txt says {data['txt'][:200]!r}, expected {texts.default!r}",))
    for suffix, text in texts.members():
        if suffix in data and data[suffix] != text:
            found.captions.append((f"{where}.{suffix} says {data[suffix][:200]!r}, expected {text!r}",))
    if "json" in data:
        try:
            stated = json.loads(data["json"])
        except (ValueError, RecursionError):
            stated = None
        _read_json(stated, where, row, found)


def _read_json(stated: Any, where: str, row: Mapping[str, Any], found: Contents) -> None:
    try:
        taxon, said = stated["taxon"], stated["captions"]
    except (KeyError, TypeError):
        found.members.append((f"{where}.json is not a sample's JSON",))
        return
    flat = {**taxon, **{key: value for key, value in stated.items() if key not in ("taxon", "captions")}}
    for names, findings in ((RIGHTS, found.rights), (LABELS, found.labels)):
        for name in names:
            if (flat.get(name) or None) != (row[name] or None):
                findings.append((f"{where}: {name} is {flat.get(name)!r} in the shard, {row[name]!r} in the catalog",))
    texts = captions({rank: row[rank] for rank in RANK_COLUMNS}, row["vernacular_name"])
    expected = {suffix.removesuffix(".txt"): value.decode() for suffix, value in texts.members()}
    wrong = sorted(name for name in expected if said.get(name) != expected[name])
    if wrong:
        found.captions.append((f"{where}.json says {said.get(wrong[0])!r}, expected {expected[wrong[0]]!r}",))
