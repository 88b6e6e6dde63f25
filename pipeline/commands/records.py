"""`biomill records`: one release as canonical records and rejects, without a recipe."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from manifests import SOURCE_KINDS
from manifests.recipe import SourceSpec
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus

MEMORY_MB = 1024
"""Memory that sorting may use before it spills to disk."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a release became: `rows = records + rejects + absorbed`."""

    release: str
    rows: int
    records: int
    rejects: int
    absorbed: int
    """Rows that became part of others, such as an occurrence joined to its media."""
    codes: tuple[tuple[str, int, str], ...]
    """(code, rows, file and row of one of them), the commonest first."""


def write_records(spec: SourceSpec, out: Path) -> Written:
    """Read a release and write OUT/records.parquet and OUT/rejects.parquet, sorted by content, atomically.

    `records.parquet` has RECORD_SCHEMA. `rejects.parquet` has a row for every input row that became no record: row_id,
    source, release, file, row (from 1), byte_offset (-1 where the format has none), code (of what is malformed, else of
    the outcome), outcome, evidence (JSON), other_id, and raw: up to 2 KB of a row that could not be read. Memory is
    bounded as in a run. Raises SourceError when the release cannot be read, and ConservationError when a row is lost.
    """
    # Imported here, so that the command line starts without them.
    import pyarrow as pa

    from pipeline.model.errors import ConservationError
    from pipeline.model.records import RECORD_SCHEMA
    from pipeline.sources import open_source
    from pipeline.stages.ingest import ingest_release
    from pipeline.storage import database as sql
    from pipeline.storage.files.atomic import table_writer
    from pipeline.storage.statements import Statements

    _SQL = Statements(__name__)

    out.mkdir(parents=True, exist_ok=True)
    release = open_source(spec.kind).inspect(spec)
    rejected = pa.schema(
        [
            *((name, pa.string()) for name in ("row_id", "source", "release", "file")),
            *((name, pa.int64()) for name in ("row", "byte_offset")),
            *((name, pa.string()) for name in ("code", "outcome", "evidence", "other_id", "raw")),
        ]
    )
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=out) as name:
        work = Path(name)
        rows, absorbed = ingest_release(release, work)
        records = f"SELECT * FROM {sql.parquet(work / 'records')} ORDER BY record_id, locator_file, locator_row"
        rejects = _SQL("rejects", release=release.release, ledger=sql.parquet(work / "ledger"))
        counts = []
        with sql.connect(MEMORY_MB, work) as con:
            for query, schema, file in (
                (records, RECORD_SCHEMA, "records.parquet"),
                (rejects, rejected, "rejects.parquet"),
            ):
                counts.append(0)
                with table_writer(out / file, schema) as writer:
                    for batch in sql.batches(con, query):
                        counts[-1] += batch.num_rows
                        writer.write_table(pa.Table.from_batches([batch]).cast(schema))
            codes = con.execute(_SQL("codes", rejects=rejects)).fetchall()
    written = Written(release.release, rows, counts[0], counts[1], absorbed, tuple(codes))
    if rows != written.records + written.rejects + absorbed:
        raise ConservationError(
            f"{rows:,} rows became {written.records:,} records, {written.rejects:,} rejects and {absorbed:,} absorbed",
            where=spec.path,
            remedy="report this release: every row must have exactly one end",
        )
    return written


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("records", help="one release as canonical records and rejects, without a recipe")
    parser.add_argument("path", type=Path, help="the release, as its provider publishes it")
    parser.add_argument("--kind", choices=SOURCE_KINDS, required=True, help="how its provider publishes it")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for records.parquet and rejects.parquet")
    parser.add_argument("--name", default="", help="name of the source, part of every record id (default: the kind)")
    parser.add_argument("--release", default="", help="name of the release (default: from its files)")
    parser.add_argument("--media", default="", help="local media store: a folder, a zip, or a folder of zips")
    parser.add_argument("--hierarchy", default="", help="EOL: the Dynamic Hierarchy that names the pages")
    parser.add_argument("--license", default="", help="licence of rows that state none")
    add_allow_empty(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Do it, and give the lines that say what was written."""
    given = {name: getattr(args, name) for name in ("release", "media", "hierarchy", "license")}
    written = write_records(SourceSpec(args.name or args.kind, args.kind, str(args.path), **given), args.out)
    yield f"release    {written.release}"
    for name in ("rows", "records", "rejects", "absorbed"):
        yield f"{name:<10} {getattr(written, name):,}"
    for code, count, place in written.codes:
        yield f"  {code:<20} {count:>9,}  such as {place}"
    if 2 * written.records < written.rows - written.absorbed and written.records:
        yield (
            f"{written.rejects:,} of {written.rows - written.absorbed:,} rows became no record, most as "
            f"{written.codes[0][0]}: see {args.out / 'rejects.parquet'}"
        )
    if written.records:
        return ExitStatus.DONE
    cause = f"most rows end as {written.codes[0][0]}" if written.codes else "the release has no rows"
    return (yield from nothing("no record came out", f"{cause}; see {args.out / 'rejects.parquet'}", args))
