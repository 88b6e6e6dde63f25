"""Checking a finished run against everything it promises; reads the files, believes no mark of completion."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from dedup import pairs_within
from manifests import BiomillError, Recipe, recipe_from_json
from pipeline.atomic import read_json
from pipeline.catalog import open_catalog
from pipeline.likeness.certificate import certify
from pipeline.likeness.hashing import thumbnail
from pipeline.likeness.units import stored_image
from pipeline.likeness.verification import pair_residuals, verified
from pipeline.media import Processed
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


def _kept_hashes(folder: RunFolder) -> tuple[list[str], list[str], npt.NDArray[np.uint8]]:
    """Give id, source digest and PDQ of every image that a shard holds, read from fetch's own table."""
    kept = set(pq.read_table(folder.stage("shards") / "manifest.parquet", columns=["image_id"]).column(0).to_pylist())
    media = pq.read_table(folder.stage("fetch") / "media", columns=["image_id", "sha256", "pdq"]).sort_by("image_id")
    rows = [row for row in media.to_pylist() if row["image_id"] in kept]
    packed = np.frombuffer(b"".join(row["pdq"] for row in rows), dtype=np.uint8).reshape(-1, 32)
    return [row["image_id"] for row in rows], [row["sha256"] for row in rows], packed


def _leakage(folder: RunFolder, con: duckdb.DuckDBPyConnection) -> str:
    """Every sentence of the certificate holds: the search is made again, with canaries and a brute-force audit."""
    said = list(certify(folder.root, con))
    broken = [part.sentence for part in said if not part.holds]
    if broken:
        raise _BrokenPromiseError("; ".join(broken))
    return "; ".join(part.sentence for part in said)


def _duplicates(folder: RunFolder, con: duckdb.DuckDBPyConnection, recipe: Recipe) -> str:
    """No two kept images lie within the duplicate distance and verify, but different animals in one frame."""
    images, _, packed = _kept_hashes(folder)
    pairs = pairs_within(packed, recipe.likeness.duplicate_distance)
    taxon = dict(con.execute("SELECT image_id, accepted_id FROM samples").fetchall())
    frame = dict(con.execute("SELECT image_id, media_id FROM media").fetchall())
    low = {
        row[0]
        for row in con.execute(
            f"SELECT image_id FROM media WHERE quality < {recipe.likeness.minimum_quality}"
        ).fetchall()
    }
    for a, b in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
        one, two = images[a], images[b]
        if one in low or two in low or (frame[one] == frame[two] and taxon[one] != taxon[two]):
            continue
        shown = [_thumbnail(folder, con, image) for image in (one, two)]
        if not verified(pair_residuals(shown[:1], shown[1:]), recipe.likeness.duplicate_residual).all():
            continue
        raise _BrokenPromiseError(f"two kept images are alike: {one} and {two}")
    return f"{len(images):,} kept images, none within Hamming distance {recipe.likeness.duplicate_distance} of another"


def _thumbnail(folder: RunFolder, con: duckdb.DuckDBPyConnection, image: str) -> bytes | None:
    query = """SELECT unit, "offset", "length" FROM read_parquet('fetch/media/*.parquet') WHERE image_id = ?"""
    raster = stored_image(folder.stage("fetch") / "blobs", *con.execute(query, [image]).fetchall()[0])
    return None if isinstance(raster, Processed) else thumbnail(raster)


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
