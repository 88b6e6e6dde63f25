"""A list of URLs to images and outcomes, without a recipe: the fetch of a run, used alone.

`DIR/outcomes.parquet` has one row per row of the list, `DIR/images/` the images by the id of their medium, each
written as it comes, and `DIR/.fetch/` what a stopped fetch goes on from (plan, units, journals, robots.txt rules).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import FetchRules, ImageRules
from pipeline.engine.local_executor import LocalExecutor
from pipeline.media import check_url
from pipeline.media.http.guards import host_of
from pipeline.media.images.resamplers import check_resampler
from pipeline.media.journal import holds, image_file
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.mirrors import Mirrors
from pipeline.media.network_loss import UNREACHED, hopeful_lines, nobody_answered
from pipeline.media.progress import STORED, host_lines
from pipeline.media.task import Planned
from pipeline.model import ids
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome
from pipeline.run import suspects
from pipeline.run.url_list import EXPECTED, read_list
from pipeline.stages import fetch_plan
from pipeline.stages.fetch_work import missing_units, work_off
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import sweep, table_writer, write_table
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_MEMORY_MB = 1024
_VERSION = 5
_ROUND = "0"  # a list is asked for in one
_MORE_CONNECTIONS = "; --connections and --host-rule raise it, if the host agrees"
_LIST_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64()),
        *((name, pa.string()) for name in ("url", "media_id", "image_id", "host", "outcome", "detail")),
    ]
)
_FROM_MEDIA = (
    *("status", "attempts", "final_url", "content_type", "bytes", "sha256", "format"),
    *("source_width", "source_height", "width", "height", "phash", "pdq", "quality", "pixel_sha256"),
)
OWN_COLUMNS = ("row", "url", "outcome", "detail", "host", *_FROM_MEDIA, "file", "placeholder")
"""Columns of outcomes.parquet, before those of the list itself."""
COLUMNS_FILE = "columns.parquet"


def fetch_list(
    urls: Path,
    column: str,
    out: Path,
    rules: FetchRules,
    image: ImageRules,
    workers: int,
    retry: Sequence[str] | None,
    command: str = "biomill fetch ...",
) -> Iterator[str]:
    """Fetch every URL of a list (see `url_list`) into a folder, and give lines of progress and a summary.

    The same URL is fetched once, in however many rows it stands. Rows without a URL that may be asked end as bad_url
    or host_not_allowed, those that cannot be read as malformed_row. The list's other columns stand behind ours.
    Called again it goes on where it stopped; rows whose outcome is in `retry` are asked again (None: those that were
    not reached, once the list was worked off). `command`: what was typed, to be said again.
    Raises SourceError when the list cannot be read, StorageError when something cannot be written, PipelineError when
    a public host would be asked without a contact, NetworkLostError when nobody could be asked.
    """
    fetch_plan.check_retry(retry or ())
    check_resampler(image.resampler)
    folder = out / ".fetch"
    with RunFolder(out).lock(), sql.connect(_MEMORY_MB, folder) as con:
        sweep(out)
        with Mirrors(rules.mirrors):
            pass  # a rule that cannot be read is told before anything is asked
        write_table(folder / "media" / "-schema.parquet", MEDIA_SCHEMA.empty_table())
        rows = _read_list(urls, column, folder, rules)
        yield from _note_retry(con, folder, retry)
        units, reuse = _plan(con, folder, out / "images", rules, image)
        yield f"fetch: {rows:,} rows of {urls.name}"
        from pipeline.media.work import FetchUnits  # what asks hosts and decodes images, once the list has been read

        work = FetchUnits(str(folder), rules, image, str(out / "images"))
        yield from work_off(LocalExecutor(workers), work, units, _ROUND, reuse, {}, _MORE_CONNECTIONS)
        suspects.end_listed(con, folder, out / "images", rules)
        yield from _write_out(con, folder, out, rules)
        yield from hopeful_lines(con, f"read_parquet({sql.quote(str(out / 'outcomes.parquet'))})", command)
        lost = nobody_answered(con, sql.parquet(folder / "media"))
        if lost is not None:
            raise lost


def _note_retry(con: duckdb.DuckDBPyConnection, folder: Path, retry: Sequence[str] | None) -> Iterator[str]:
    """Note what is asked for again, and say so.

    What was noted since the list was last worked off is being asked for, and not noted twice: the same command goes on
    after a kill. Without `retry` only a list that was worked off is asked again for what was not reached.
    """
    notes, finished = fetch_plan.note_files(folder), fetch_plan.answered(folder)
    if retry is None and finished != len(notes):
        return
    pending = [sql.quote(str(path)) for path in notes[finished or 0 :]]
    noted = f"AND image_id NOT IN (SELECT image_id FROM read_parquet([{', '.join(pending)}]))" if pending else ""
    chosen = sql.in_list(UNREACHED if retry is None else retry)
    done = sql.parquet(folder / "media")
    query = f"SELECT DISTINCT image_id FROM {done} WHERE outcome IN {chosen} {noted}"
    rows = fetch_plan.note_retry(con, folder, query)
    if retry is None and rows:
        yield f"fetch: {rows:,} media that were not reached are asked for again; --retry none leaves them"
    elif retry:
        yield f"fetch: {rows:,} media are asked for again"


def _read_list(urls: Path, column: str, folder: Path, rules: FetchRules) -> int:
    """Write FOLDER/urls.parquet, the list with ids, and outcomes of rows that nobody can be asked for.

    The list's own columns go to FOLDER/columns.parquet. Rows are numbered as they stand in the file.
    """
    count = 0
    with table_writer(folder / "urls.parquet", _LIST_SCHEMA) as writer:
        for batch in read_list(urls, column, folder / COLUMNS_FILE, OWN_COLUMNS):
            listed = []
            for each in batch:
                count += 1
                url = (each.url or "").strip()
                refusal = check_url(url, rules)
                media = ids.media_id(url)
                outcome, detail = (refusal.outcome.code, refusal.reason) if refusal else (None, None)
                if each.fault:
                    outcome, detail = Outcome.MALFORMED_ROW.code, each.fault
                listed.append(
                    {
                        "row": count,
                        "url": each.url,
                        "media_id": media,
                        "image_id": ids.image_id(media),
                        "host": host_of(url),
                        "outcome": outcome,
                        "detail": detail,
                    }
                )
            writer.write_table(pa.Table.from_pylist(listed, _LIST_SCHEMA))
    if not count:
        raise SourceError("the list has no rows", where=str(urls), expected=EXPECTED, remedy="write it again")
    return count


def _plan(
    con: duckdb.DuckDBPyConnection, folder: Path, images: Path, rules: FetchRules, image: ImageRules
) -> tuple[list[Planned], str]:
    """Cut the list into units, and give them with the table of what an earlier list has brought.

    Units that other rules made go first, as their images have the same names. An image whose file is not as it was
    written is asked for again.
    """
    wanted = f"({_SQL('wanted', urls=str(folder / 'urls.parquet'))})"
    made_by = {"image": asdict(image), "max_bytes": rules.max_bytes, "max_pixels": rules.max_pixels}
    manners = {"robots": rules.robots, "opt_outs": rules.opt_outs, "version": _VERSION}
    digest = fetch_plan.rules_digest({**made_by, **manners})
    _note_lost(con, folder, images, digest)
    units = fetch_plan.write_plan(con, fetch_plan.with_retries(wanted, folder), folder, _ROUND, rules, digest)
    planned = {each.unit for each in units}
    own = [path for path in sorted(folder.glob(f"media/{digest}*.parquet")) if path.stem not in planned]
    todo = missing_units(folder, units)
    earlier = [fetch_plan.Earlier(folder, tuple(own), lasting=False)]
    reuse = fetch_plan.write_reuse(con, folder, _ROUND, digest, earlier) if todo else ""
    return todo, reuse


def _write_out(con: duckdb.DuckDBPyConnection, folder: Path, out: Path, rules: FetchRules) -> Iterator[str]:
    """Write images and outcomes, remove what is not of this list any more, and give the summary."""
    plan = pq.ParquetFile(folder / fetch_plan.plan_name(_ROUND)).read(columns=["unit", "media_id"])
    planned, wanted = (set(plan.column(name).unique().to_pylist()) for name in ("unit", "media_id"))
    for path in sorted(folder.glob("media/*.parquet")):
        if path.stem not in planned and path.name != "-schema.parquet":
            for media_id in pq.ParquetFile(path).read(columns=["media_id"]).column(0).unique().to_pylist():
                if media_id not in wanted:
                    image_file(out / "images", media_id).unlink(missing_ok=True)
            path.unlink()
    media = sql.parquet(folder / "media")
    alike = suspects.find(con, media, rules)
    fetch_plan.note_answered(folder)
    columns = ", ".join(f"m.{name}" for name in _FROM_MEDIA)
    listed = f"read_parquet({sql.quote(str(folder / COLUMNS_FILE))})"
    urls = str(folder / "urls.parquet")
    query = _SQL("outcomes", stored=STORED, columns=columns, urls=urls, media=media, alike=alike, listed=listed)
    sql.copy(con, f"SELECT * FROM ({query}) ORDER BY row", out / "outcomes.parquet")
    yield ""
    yield from host_lines(folder)
    yield ""
    yield f"{'host':<40} {'outcome':<22} {'rows':>10}"
    outcomes = f"read_parquet({sql.quote(str(out / 'outcomes.parquet'))})"
    for host, outcome, rows in con.execute(
        f"SELECT host, outcome, count(*) FROM {outcomes} GROUP BY ALL ORDER BY host, count(*) DESC, outcome"
    ).fetchall():
        yield f"{(host or '(none)')[:40]:<40} {outcome:<22} {rows:>10,}"
    total = con.execute(_SQL("counted", stored=STORED, outcomes=outcomes)).fetchall()[0]
    yield from suspects.lines(con, alike, out / "images")
    doubtful = f", {total[2]:,} of them what looks like a placeholder" if total[2] else ""
    yield f"{total[1]:,} of {total[0]:,} rows have an image{doubtful}; outcomes are in {out / 'outcomes.parquet'}"


def _note_lost(con: duckdb.DuckDBPyConnection, folder: Path, images: Path, digest: str) -> None:
    """Note images whose file is not there with its size, to be asked for again; remove units of other rules."""
    lost: dict[Path, set[str]] = {}
    for path in sorted(folder.glob("media/*.parquet")):
        if path.stem.startswith(digest):
            rows = pq.ParquetFile(path).read(columns=["image_id", "media_id", "outcome", "length"]).to_pylist()
            missing_here = {row["image_id"] for row in rows if not holds(images, row, row["length"])}
            lost.update({path: missing_here} if missing_here else {})
        elif path.name != "-schema.parquet":
            path.unlink()
    if not lost:
        return
    import pyarrow.compute as pc  # 8 MB that few calls need

    con.register("lost", pa.table({"image_id": pa.array(sorted(set().union(*lost.values())), pa.string())}))
    fetch_plan.note_retry(con, folder, "SELECT image_id FROM lost")
    con.unregister("lost")
    for path, ids_here in lost.items():  # once noted they are forgotten, so that they are noted once
        table = pq.read_table(path)
        write_table(path, table.filter(pc.invert(pc.is_in(table["image_id"], pa.array(sorted(ids_here))))))
