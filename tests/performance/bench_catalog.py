"""The catalog at a million kept images: seconds per query of the cookbook, and bytes per row.

A run folder is generated column by column with the schemas of the real stages: as many records as kept images and half
as many that ended, 20,000 names, random hashes (which do not compress, as real ones do not). Only shards are missing:
no query reads them. The floor is one scan of the columns that the largest table, the records, holds.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import build_catalog, connect_catalog
from pipeline.model.records import ENDED_SCHEMA, RECORD_SCHEMA
from pipeline.storage.database import quote

COOKBOOK = Path(__file__).parents[2] / "docs" / "catalog.md"
_GROUP = 120_000


def queries() -> list[str]:
    """Return the queries of the cookbook."""
    return re.findall(r"^```sql\n(.*?)^```$", COOKBOOK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _literal(kind: pa.DataType) -> str:
    names = {pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.int16(): "SMALLINT", pa.float64(): "DOUBLE"}
    if pa.types.is_list(kind):
        return "[]::VARCHAR[]"
    if pa.types.is_boolean(kind):
        return "NULL::BOOLEAN"
    return f"NULL::{'BLOB' if pa.types.is_binary(kind) else names.get(kind, 'VARCHAR')}"


def _fill(con: duckdb.DuckDBPyConnection, path: Path, schema: pa.Schema, rows: str, known: dict[str, str]) -> None:
    """Write a Parquet file of the schema: stated columns by their expression over `rows`, the others null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unknown = sorted(set(known) - set(schema.names))
    assert not unknown, f"{path}: no columns {unknown}"
    listed = ", ".join(f'{known.get(field.name) or _literal(field.type)} AS "{field.name}"' for field in schema)
    con.execute(
        f"COPY (SELECT {listed} FROM {rows}) TO {quote(str(path))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_GROUP})"
    )


def generate(root: Path, images: int, model: Path) -> None:
    """Write a run's tables for `images` kept images, with the schemas of the finished run in `model`."""

    def schema(folder: str) -> pa.Schema:
        found = sorted((model / folder).glob("*.parquet"))
        return pq.read_schema(found[0])

    con = duckdb.connect()
    con.execute("SET threads = 2; SET preserve_insertion_order = true")
    # Every id is a hash of its number, in the form of a uuid.
    con.execute(
        """CREATE MACRO id(kind, i) AS (md5(kind || i)[:8] || '-' || md5(kind || i)[9:12]
           || '-5' || md5(kind || i)[14:16] || '-8' || md5(kind || i)[18:20] || '-' || md5(kind || i)[21:32])"""
    )
    con.execute("CREATE MACRO taxon(i) AS floor(20000 * ((i * 7919 % 99991) / 99991) ** 3)::INT")
    ended = images // 2
    everything, kept = f"range({images + ended}) t(i)", f"range({images}) t(i)"
    source = "['gbif', 'gbif', 'gbif', 'eol', 'bioscan', 'fathomnet'][1 + i % 6]"
    family = "['CC-BY-NC', 'CC-BY-NC', 'CC-BY', 'CC0', 'CC-BY-SA'][1 + i % 5]"
    shard, sha = "printf('bulk-train-%06d.tar', i // 10000)", "sha256('b' || i)"
    record = {
        "record_id": "id('r', i)", "source": source, "release": f"'release of ' || {source}",
        "source_record_id": "(4000000000 + i)::VARCHAR", "source_media_id": "md5('u' || i)", "box_id": "''",
        "occurrence_key": "(4000000000 + i // 2)::VARCHAR", "dataset_key": "id('d', i % 3000)",
        "publisher": "'publisher ' || (i % 500)", "media_url": "'https://images.example.org/' || i || '/original.jpg'",
        "media_path": "''", "media_key": "'example:' || i", "media_type": "'StillImage'",
        "license_verbatim": f"'http://creativecommons.org/' || {family}", "license_source": "'media'",
        "license_id": f"{family} || '-4.0'", "license_family": family, "may_share": "true", "may_change": "true",
        "may_sell": f"NOT contains({family}, 'NC')", "creator": "'observer ' || (i % 50000)",
        "rights_holder": "'observer ' || (i % 50000)", "source_page": "'https://example.org/' || i",
        "name_id": "md5('n' || taxon(i))", "scientific_name": "'Genus' || (taxon(i) // 5) || ' species' || taxon(i)",
        "event_date": "'2023-05-' || (1 + i % 28)", "lat": "(i % 18000) / 100.0 - 90",
        "lon": "(i % 36000) / 100.0 - 180",
        "locator_file": "'occurrence.txt'", "locator_row": "i + 1", "locator_offset": "i * 800",
    }  # fmt: skip
    _fill(con, root / "ingest/records/part.parquet", RECORD_SCHEMA, everything, record)
    _fill(con, root / "ingest/ended/part.parquet", ENDED_SCHEMA, "range(1000) t(i)",
          {"row_id": "id('e', i)", "source": source, "outcome": "'malformed_row'", "evidence": "'{\"cells\":3}'",
           "locator_file": "'occurrence.txt'", "locator_row": "i", "locator_offset": "i * 800"})  # fmt: skip
    names = {
        "name_id": "md5('n' || i)", "scientific_name": "'Genus' || (i // 5) || ' species' || i",
        "canonical_name": "'Genus' || (i // 5) || ' species' || i", "match_type": "'EXACT'",
        "taxonomic_status": "if(i % 9 = 0, 'synonym', 'accepted')", "accepted_id": "if(i % 50 = 0, NULL, 'x:' || i)",
        "accepted_name": "'Genus' || (i // 5) || ' species' || i", "accepted_rank": "'species'",
        "kingdom": "if(i % 4 = 0, 'Plantae', 'Animalia')", "phylum": "'Phylum' || (i // 2000)",
        "class": "'Class' || (i // 500)", "order": "'Order' || (i // 100)", "family": "'Family' || (i // 25)",
        "genus": "'Genus' || (i // 5)", "species": "'Genus' || (i // 5) || ' species' || i",
        "vernacular_name": "'name ' || i", "taxonomy_build": "sha256('t')",
    }  # fmt: skip
    _fill(con, root / "resolve/names/part.parquet", schema("resolve/names"), "range(20000) t(i)", names)
    _fill(con, root / "screen/candidates/part.parquet", schema("screen/candidates"), everything,
          {"record_id": "id('r', i)", "source": source, "image_id": "id('m', i)", "name_id": "md5('n' || taxon(i))",
           "locator_file": "'occurrence.txt'", "locator_row": "i + 1"})  # fmt: skip
    _fill(con, root / "screen/media_records/part.parquet", schema("screen/media_records"), "range(0) t(i)", {})
    for stage, outcome, place in (
        ("screen", "licence_unknown", 0),
        ("fetch", "gone", 1),
        ("likeness", "near_duplicate", 2),
    ):
        rows = f"range({images} + {place} * {ended} // 3, {images} + ({place} + 1) * {ended} // 3) t(i)"
        _fill(con, root / stage / "ledger/part.parquet", ENDED_SCHEMA, rows,
              {"row_id": "id('r', i)", "source": source, "outcome": f"'{outcome}'",
               "evidence": "'{\"rule\":\"' || i || '\"}'",
               "other_id": "id('r', i % 1000)"})  # fmt: skip
    _fill(con, root / "select/ledger/part.parquet", ENDED_SCHEMA, "range(0) t(i)", {})
    media = {
        "image_id": "id('m', i)", "media_id": "id('w', i)", "host": "'host' || (i % 40) || '.example.org'",
        "address": "'https://images.example.org/' || i || '/original.jpg'", "bytes": "200000 + i % 99999",
        "sha256": "sha256('s' || i)",
        "format": "'JPEG'", "source_width": "1024", "source_height": "768", "width": "341", "height": "256",
        "phash": "md5('h' || i)[:16]", "pdq": "unhex(sha256('q' || i))", "quality": "100",
        "pixel_sha256": "sha256('p' || i)",
    }  # fmt: skip
    _fill(con, root / "fetch/media/part.parquet", schema("fetch/media"), everything, media)
    for part in ("attempts", "placeholders", "placeholder_groups"):
        _fill(con, root / f"fetch/{part}/part.parquet", schema(f"fetch/{part}"), "range(0) t(i)", {})
    _fill(con, root / "likeness/clusters/part.parquet", schema("likeness/clusters"), f"range({ended // 3}) t(i)",
          {"record_id": "id('r', i)", "source": source, "cluster_id": "id('r', i // 3)",
           "outcome": "'kept'"})  # fmt: skip
    _fill(con, root / "likeness/leaks/part.parquet", schema("likeness/leaks"), "range(2000) t(i)",
          {"record_id": "id('r', i)", "source": source, "benchmark": "'rare'", "rule": "'hamming'",
           "distance": "i % 31"})  # fmt: skip
    _fill(con, root / "holdout/items/part.parquet", schema("holdout/items"), "range(20000) t(i)",
          {"benchmark": "'rare'", "item": "'test-' || i"})  # fmt: skip
    decision = {
        "record_id": "id('r', i)", "source": source, "image_id": "id('m', i)", "group_id": "id('r', i)",
        "split": "'train'", "weight": "1.0", "accepted_id": "'x:' || taxon(i)",
    }  # fmt: skip
    _fill(con, root / "select/decisions/part.parquet", schema("select/decisions"), kept, decision)
    _fill(con, root / "shards/manifest.parquet", pq.read_schema(model / "shards/manifest.parquet"), kept,
          {**decision, "key": "id('r', i)", "shard": shard, "offset": "(i % 10000) * 30720", "length": "30720",
           "jpg_offset": "(i % 10000) * 30720 + 512", "jpg_length": "25000", "sha256": sha, "width": "341",
           "height": "256"})  # fmt: skip
    con.close()


def main() -> None:
    """Generate, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--model", type=Path, help="a finished run, for the stages' schemas; default: the demo is run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = args.model
        if model is None:
            from pipeline.demo.run import run_demo
            from pipeline.engine.engine import EngineOptions

            list(run_demo(folder / "demo", 17, 0, "catalog", EngineOptions()))
            model = folder / "demo" / "run"
        measure(folder / "run", args.images, model)


def measure(root: Path, images: int, model: Path) -> None:
    """Print bytes per row, and CPU and wall seconds per query."""
    generate(root, images, model)
    build_catalog(root)
    rows = images + images // 2
    held = sum(path.stat().st_size for path in sorted(root.rglob("*.parquet")))
    size = (root / "catalog.duckdb").stat().st_size
    print(f"{images:,} kept images, {rows:,} records")
    print(
        f"catalog.duckdb {size:,} bytes: {size / rows:.2f} a record; the Parquet it reads: {held / rows:,.0f} a record"
    )
    slowest, total = 0.0, 0.0
    with connect_catalog(root) as con:
        con.execute("SET memory_limit = '2GiB'")
        floor = _timed(con, "SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet('ingest/records/*.parquet')")
        print(f"{'wall s':>8} {'CPU s':>8} {'x floor':>8}  query")
        print(f"{floor[0]:8.2f} {floor[1]:8.2f} {1:8.1f}  (floor: every column of the records scanned once)")
        for query in queries():
            wall, cpu = _timed(con, query)
            slowest, total = max(slowest, cpu), total + cpu
            print(f"{wall:8.2f} {cpu:8.2f} {cpu / floor[1]:8.1f}  {' '.join(query.split())[:80]}")
    print(f"{len(queries())} queries: {total:.1f} CPU s, the slowest {slowest:.2f}")


def _timed(con: duckdb.DuckDBPyConnection, query: str) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    con.execute(query).fetchall()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


if __name__ == "__main__":
    main()
