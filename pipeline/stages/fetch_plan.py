"""Cutting what is wanted into units of one host and lane, and units into tasks.

Units are cut and named by the input alone: a unit's name begins with the digest of the rules by which its images are
made, and goes on with a digest of what is in it. Which units are worked off together depends on the workers, and
changes nothing that is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from manifests import FetchRules
from pipeline import sql
from pipeline.atomic import table_writer
from pipeline.errors import RunError
from pipeline.media.reuse import LASTING, REUSE_SCHEMA
from pipeline.media.stored import PLAN_SCHEMA
from pipeline.media.work import FetchTask
from pipeline.outcomes import Outcome

RULES_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Earlier:
    """A folder of an earlier fetch whose answers may be used again."""

    folder: Path
    units: tuple[str, ...]
    lasting: bool
    """Whether only outcomes that last are used: True for another run, False for earlier units of this one."""


def rules_digest(parts: Mapping[str, Any]) -> str:
    """Give the digest of everything that decides what an answer becomes, as unit names begin with it."""
    return hashlib.blake2b(sql.evidence(**parts).encode(), digest_size=RULES_DIGITS // 2).hexdigest()


def write_plan(
    con: duckdb.DuckDBPyConnection, wanted: str, folder: Path, name: str, rules: FetchRules, digest: str
) -> list[tuple[str, str, str, int, str]]:
    """Write FOLDER/NAME, one row group per unit, and give (host, lane, store, row group, unit name) of every unit.

    `wanted` is a FROM clause with host, media_id, store, address, image_id, the box, and `again`: how often an image
    was asked for again on request.
    """
    query = f"""SELECT DISTINCT host, CAST(md5_number_lower(media_id) % {rules.lanes} AS VARCHAR) AS lane,
                       media_id, store, address, image_id, box_x, box_y, box_w, box_h, again
                FROM {wanted} ORDER BY host, lane, media_id, image_id"""
    units: list[tuple[str, str, str, int, str]] = []
    with table_writer(folder / name, PLAN_SCHEMA) as writer:
        for rows in cut(sql.batches(con, query), rules.unit_size):
            content = "\n".join(f"{row['image_id']} {row['again']}" for row in rows)
            unit = digest + hashlib.blake2b(content.encode(), digest_size=14).hexdigest()
            table = pa.Table.from_pylist([{**row, "unit": unit} for row in rows], PLAN_SCHEMA)
            writer.write_table(table, row_group_size=1 << 30)
            first = rows[0]
            units.append((first["host"], first["lane"], first["store"], len(units), unit))
    return units


def cut(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[list[dict[str, Any]]]:
    """Cut rows, sorted by host, lane and medium, into units of at most `size` media of one lane."""
    unit: list[dict[str, Any]] = []
    media = 0
    for batch in batches:
        for row in batch.to_pylist():
            if unit and (row["host"], row["lane"]) != (unit[-1]["host"], unit[-1]["lane"]):
                yield unit
                unit, media = [], 0
            if not unit or row["media_id"] != unit[-1]["media_id"]:
                if media == size:
                    yield unit
                    unit, media = [], 0
                media += 1
            unit.append(row)
    if unit:
        yield unit


def tasks(
    units: Sequence[tuple[str, str, str, int, str]],
    plan: str,
    reuse: str,
    stores: Mapping[str, str],
    lanes: int,
    parts: int,
) -> list[FetchTask]:
    """Give the tasks: the lanes of all hosts dealt out over `parts` tasks, and each unit of a local store alone.

    >>> units = [("a.org", "0", "", 0, "u"), ("a.org", "1", "", 1, "v"), ("b.org", "0", "", 2, "w")]
    >>> [(task.hosts, task.share) for task in tasks(units, "plan.parquet", "", {}, lanes=2, parts=1)]
    [((('a.org', ((0, 'u'), (1, 'v'))), ('b.org', ((2, 'w'),))), 1.0)]
    """
    dealt: dict[int, dict[str, list[tuple[int, str]]]] = {}
    found: list[FetchTask] = []
    for host, lane, store, group, unit in units:
        if store:
            # A local store asks for no politeness: each unit is a task of its own.
            found.append(FetchTask(plan, ((host, ((group, unit),)),), store=stores[store]))
        else:
            dealt.setdefault(int(lane) % parts, {}).setdefault(host, []).append((group, unit))
    for part, hosts in sorted(dealt.items()):
        share = len(range(part, lanes, parts)) / lanes
        # The longest queue first: it is the one that the end of the run waits for.
        ordered = sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0]))
        found.append(FetchTask(plan, tuple((host, tuple(places)) for host, places in ordered), share, reuse=reuse))
    return found


def note_retry(con: duckdb.DuckDBPyConnection, folder: Path, query: str) -> int:
    """Note in FOLDER/retries the image ids that a query gives, to be asked for again; give their number."""
    rows = int(sql.scalar(con, f"SELECT count(*) FROM ({query})"))
    if rows:
        number = len(list(folder.glob("retries/*.parquet"))) + 1
        sql.copy(con, f"SELECT image_id FROM ({query}) ORDER BY 1", folder / "retries" / f"{number:04d}.parquet")
    return rows


def retried(folder: Path) -> str:
    """Give, as a FROM clause, the image ids of every note: an image that was noted twice stands there twice."""
    if not any(folder.glob("retries/*.parquet")):
        return "(SELECT NULL::VARCHAR AS image_id WHERE false)"
    return sql.parquet(folder / "retries")


def with_retries(wanted: str, folder: Path) -> str:
    """Give, as a FROM clause, what is wanted with `again`: how often it was noted to be asked for again."""
    return f"""(SELECT w.*, coalesce(r.times, 0) AS again FROM {wanted} w
                LEFT JOIN (SELECT image_id, count(*) AS times FROM {retried(folder)} GROUP BY 1) r USING (image_id))"""


def check_retry(outcomes: Sequence[str]) -> None:
    """Raise RunError for a word that is no outcome of a fetch that can be asked for again."""
    known = sorted(outcome.code for outcome in Outcome if outcome.info.stage == "fetch")
    known.remove(Outcome.NOT_NEEDED.code)
    for code in outcomes:
        if code not in known:
            raise RunError(f"no such outcome of fetch: {code!r}", expected=f"some of {', '.join(known)}")


def write_reuse(con: duckdb.DuckDBPyConnection, folder: Path, plan: str, name: str, earlier: Sequence[Earlier]) -> str:
    """Write which earlier answers go into the units of a plan, as FOLDER/NAME; give its name, or '' for none.

    Images that were noted to be asked for again are left out, whatever was answered.
    """
    parts = []
    lasting = sql.in_list(sorted(LASTING))
    for place, source in enumerate(earlier):
        if source.units:
            listed = ", ".join(sql.quote(str(source.folder / "media" / f"{unit}.parquet")) for unit in source.units)
            rule = f"(outcome IS NULL OR outcome IN {lasting})" if source.lasting else "true"
            parts.append(
                f"SELECT *, {sql.quote(str(source.folder))} AS folder, {place} AS place "
                f"FROM read_parquet([{listed}]) WHERE {rule}"
            )
    if not parts:
        return ""
    columns = ", ".join(f'"{column}"' for column in REUSE_SCHEMA.names)
    query = f"""
        SELECT {columns} FROM (
          SELECT m.*, p.unit AS "into" FROM ({" UNION ALL ".join(parts)}) m
          JOIN (SELECT image_id, unit FROM read_parquet({sql.quote(str(folder / plan))})) p USING (image_id)
          WHERE image_id NOT IN (SELECT image_id FROM {retried(folder)})
          QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY m.outcome IS NOT NULL, m.place, m.unit) = 1)
        ORDER BY "into", image_id"""
    with table_writer(folder / name, REUSE_SCHEMA) as writer:
        rows = 0
        for batch in sql.batches(con, query):
            writer.write_table(pa.Table.from_batches([batch]).cast(REUSE_SCHEMA))
            rows += batch.num_rows
    return name if rows else ""
