"""Checking a finished run against everything it promises; reads the files, believes no mark of completion."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup import MINIMUM_BUDGET, key_ranges, plan_bands, range_pairs
from manifests import BiomillError, Recipe, recipe_from_json
from pipeline.atomic import read_json
from pipeline.catalog import open_catalog
from pipeline.likeness.certificate import certify
from pipeline.likeness.stored import PLACE_SCHEMA, Stored
from pipeline.likeness.verification import Int, residuals_at, verified
from pipeline.outcomes import Outcome
from pipeline.run.folder import STAGES, RunFolder
from pipeline.shards import read_sizes, sample_locations, verify_checksums, verify_index


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and whether it holds."""

    name: str
    ok: bool
    detail: str


def verify(root: Path) -> Iterator[Check]:
    """Check a finished run, promise by promise; raises RunError when the run is not finished."""
    folder = RunFolder(root.absolute())
    folder.require("catalog")
    recipe = recipe_from_json(read_json(folder.manifest)["resolved"], folder.root)
    with open_catalog(folder.root) as con:
        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("conservation", lambda: _conservation(folder, con)),
            ("one outcome per row", lambda: _outcomes(con)),
            ("checksums", lambda: f"{verify_checksums(folder.stage('shards'), _promised(folder)):,} files"),
            ("shards = index = manifest = sizes = catalog", lambda: _shards(folder, con)),
            ("lineage", lambda: _lineage(con)),
            ("licences", lambda: _licences(con, recipe)),
            ("leakage", lambda: _leakage(folder, con)),
            ("duplicates", lambda: _duplicates(folder, con, recipe)),
            ("splits", lambda: _splits(con)),
        )
        for name, check in checks:
            try:
                yield Check(name, True, check())
            except BiomillError as error:
                yield Check(name, False, str(error).replace("\n", ";"))
            except (_BrokenPromiseError, OSError, duckdb.Error, KeyError, ValueError) as error:
                yield Check(name, False, f"{error}".replace("\n", ";"))


class _BrokenPromiseError(Exception):
    """A finding, in words."""


def _promised(folder: RunFolder) -> list[str]:
    return sorted(read_sizes(folder.stage("shards") / "sizes.json"))


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _none(con: duckdb.DuckDBPyConnection, query: str, what: str) -> None:
    """Raise when the query gives rows, showing the first."""
    rows = con.execute(query).fetchall()
    if rows:
        raise _BrokenPromiseError(f"{len(rows):,} {what}, such as {', '.join(str(value) for value in rows[0])}")


def _conservation(folder: RunFolder, con: duckdb.DuckDBPyConnection) -> str:
    """Every stage's rows in = rows out + ended, and the ledger holds every input row of every source."""
    for stage in STAGES:
        for b in read_json(folder.done(stage))["balance"]:
            if b["rows_in"] != b["rows_out"] + b["ended"]:
                raise _BrokenPromiseError(
                    f"stage {stage}, {b['source']}: {b['rows_in']} != {b['rows_out']} + {b['ended']}"
                )
    ingest = read_json(folder.done("ingest"))
    counted = dict(con.execute("SELECT source, count(*) FROM ledger GROUP BY 1").fetchall())
    for b in ingest["balance"]:
        rows = b["rows_in"] - ingest["facts"]["sources"][b["source"]]["absorbed"]
        if counted.get(b["source"], 0) != rows:
            raise _BrokenPromiseError(
                f"source {b['source']}: {rows:,} input rows, but {counted.get(b['source'], 0):,} in the ledger"
            )
    for place, stage in enumerate(("screen", "fetch", "likeness", "select")):
        ended = sum(b["ended"] for b in read_json(folder.done(stage))["balance"])
        found = _count(con, f"SELECT count(*) FROM ledger WHERE stage = '{stage}'")
        if ended != found:
            raise _BrokenPromiseError(f"stage {stage} ended {ended:,} rows, the ledger has {found:,} ({place + 2})")
    return f"{sum(counted.values()):,} input rows, each accounted for"


def _outcomes(con: duckdb.DuckDBPyConnection) -> str:
    _none(
        con, "SELECT row_id, count(*) FROM ledger GROUP BY 1 HAVING count(*) > 1 ORDER BY 1", "rows with two outcomes"
    )
    known = ", ".join(f"'{outcome.code}'" for outcome in Outcome)
    _none(con, f"SELECT row_id, outcome FROM ledger WHERE outcome NOT IN ({known}) ORDER BY 1", "unknown outcomes")
    _none(
        con,
        "SELECT l.row_id, l.stage, l.outcome FROM ledger l JOIN outcomes o USING (outcome) "
        "WHERE l.outcome <> 'kept' AND l.stage <> o.stage ORDER BY 1",
        "outcomes given by a stage that may not",
    )
    return f"{_count(con, 'SELECT count(DISTINCT outcome) FROM ledger')} kinds of outcome"


def _shards(folder: RunFolder, con: duckdb.DuckDBPyConnection) -> str:
    """Walk every tar; its members must be those of index, manifest, sizes and catalog, and its JSON must agree."""
    root = folder.stage("shards")
    sizes = read_sizes(root / "sizes.json")
    listed: dict[str, dict[str, tuple[int, int]]] = {}
    for shard, key, offset, length in con.execute('SELECT shard, key, "offset", "length" FROM samples').fetchall():
        listed.setdefault(shard, {})[key] = (offset, length)
    if set(listed) != set(sizes):
        raise _BrokenPromiseError(
            f"sizes.json lists {sorted(set(sizes) ^ set(listed))[0]}, the catalog does not, or the reverse"
        )
    columns = ("license_id", "rights_holder", "split", "group_id", "accepted_id", "source")
    for shard, size in sorted(sizes.items()):
        verify_index(root / shard)
        found = {sample.key: sample for sample in sample_locations(root / shard)}
        if len(found) != size or {k: (s.offset, s.length) for k, s in found.items()} != listed[shard]:
            raise _BrokenPromiseError(
                f"{shard}: {len(found)} samples in the tar, {size} in sizes.json, {len(listed[shard])} in the catalog, "
                "or not where the catalog says"
            )
        wanted = {
            row[0]: dict(zip(columns, row[1:], strict=True))
            for row in con.execute(f"SELECT key, {', '.join(columns)} FROM samples WHERE shard = ?", [shard]).fetchall()
        }
        with (root / shard).open("rb") as handle:
            for key, sample in found.items():
                member = next(m for m in sample.members if m.suffix == "json")
                handle.seek(member.offset)
                stated = json.loads(handle.read(member.size))
                stated["accepted_id"] = stated["taxon"].get("accepted_id")
                for column, value in wanted[key].items():
                    if (stated.get(column) or None) != (value or None):
                        raise _BrokenPromiseError(
                            f"{shard}, {key}: {column} is {stated.get(column)!r}, in the catalog {value!r}"
                        )
    return f"{sum(sizes.values()):,} samples in {len(sizes):,} shards"


def _lineage(con: duckdb.DuckDBPyConnection) -> str:
    _none(
        con,
        "SELECT key, species FROM samples WHERE species IS NOT NULL AND genus IS NULL ORDER BY 1",
        "species without a genus",
    )
    _none(
        con,
        "SELECT key, species, genus FROM samples WHERE species IS NOT NULL "
        "AND NOT starts_with(replace(species, '× ', ''), replace(genus, '× ', '') || ' ') ORDER BY 1",
        "species outside their genus",
    )
    _none(con, "SELECT key FROM samples WHERE accepted_id IS NULL ORDER BY 1", "samples without an accepted taxon")
    return f"{_count(con, 'SELECT count(*) FROM taxa'):,} accepted taxa"


def _licences(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> str:
    allow = ", ".join("'" + family.replace("'", "''") + "'" for family in recipe.licences.allow) or "''"
    unknown = "false" if recipe.licences.allow_unknown else "license_family IS NULL"
    _none(
        con,
        f"SELECT key, license_id FROM samples WHERE license_family NOT IN ({allow}) OR {unknown} ORDER BY 1",
        "samples under other licences",
    )
    return f"{_count(con, 'SELECT count(DISTINCT license_id) FROM samples')} licences, all allowed"


def _kept_images(folder: RunFolder) -> pa.Table:
    """Give id, hash, quality and place of every image that a shard holds, read from fetch's own table."""
    kept = pq.read_table(folder.stage("shards") / "manifest.parquet", columns=["image_id"]).column(0).unique()
    columns = ["image_id", "media_id", "pdq", "quality", *PLACE_SCHEMA.names]
    media = pq.read_table(folder.stage("fetch") / "media", columns=columns)
    return media.filter(pc.is_in(media["image_id"], kept)).sort_by("image_id")


def _leakage(folder: RunFolder, con: duckdb.DuckDBPyConnection) -> str:
    """Every sentence of the certificate holds: the search is made again, with canaries and a brute-force audit."""
    said = list(certify(folder.root, con))
    broken = [part.sentence for part in said if not part.holds]
    if broken:
        raise _BrokenPromiseError("; ".join(broken))
    return "; ".join(part.sentence for part in said)


def _duplicates(folder: RunFolder, con: duckdb.DuckDBPyConnection, recipe: Recipe) -> str:
    """No two kept images lie within the duplicate distance and verify, but different animals in one frame."""
    kept, rules = _kept_images(folder), recipe.likeness
    telling = kept.filter(pc.greater_equal(kept["quality"], rules.minimum_quality))
    images, frame = telling["image_id"].to_pylist(), telling["media_id"].to_pylist()
    taxon = dict(con.execute("SELECT image_id, accepted_id FROM samples").fetchall())
    hashes = np.frombuffer(b"".join(telling["pdq"].to_pylist()), np.uint8).reshape(-1, 32)
    shown = Stored(folder.stage("fetch") / "blobs", telling.select(PLACE_SCHEMA.names).combine_chunks())

    def alike(left: Int, right: Int, distance: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        keep = np.array(
            [
                frame[a] != frame[b] or taxon[images[a]] == taxon[images[b]]
                for a, b in zip(left.tolist(), right.tolist(), strict=True)
            ],
            np.bool_,
        )
        at = np.flatnonzero(keep)
        keep[at] = verified(residuals_at(shown, left[at], right[at]), rules.duplicate_residual)
        return keep

    plan = plan_bands(256, rules.duplicate_distance)
    for piece in key_ranges(hashes, plan, max(MINIMUM_BUDGET, recipe.limits.memory_mb << 17)):
        pairs = range_pairs(hashes, plan, piece, accept=alike, collapse=False)
        if len(pairs):
            raise _BrokenPromiseError(
                f"two kept images are alike: {images[pairs.left[0]]} and {images[pairs.right[0]]}"
            )
    return f"{kept.num_rows:,} kept images, none within Hamming distance {rules.duplicate_distance} of another"


def _splits(con: duckdb.DuckDBPyConnection) -> str:
    for column in ("group_id", "media_key", "source || ':' || occurrence_key"):
        _none(
            con,
            f"SELECT {column}, count(DISTINCT split) FROM samples WHERE {column} <> '' GROUP BY 1 "
            "HAVING count(DISTINCT split) > 1 ORDER BY 1",
            "groups in two splits",
        )
    counts = con.execute("SELECT split, count(*) FROM samples GROUP BY 1 ORDER BY 1").fetchall()
    return ", ".join(f"{split} {images:,}" for split, images in counts)
