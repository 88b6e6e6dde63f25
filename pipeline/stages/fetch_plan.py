"""Cutting what is wanted into units of one host, and dealing units to tasks.

Units are cut and named by the input alone: a unit's name begins with the digest of the rules by which its images are
made, and goes on with a digest of what is in it. Which units are worked off together depends on the workers, and
changes nothing that is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from manifests import FetchRules
from pipeline.media.http.limits import connections_of, fewest_connections, tasks_of
from pipeline.media.media_schema import PLAN_SCHEMA
from pipeline.media.reuse import LASTING, REUSE_SCHEMA
from pipeline.media.task import FetchTask
from pipeline.model.errors import UsageError
from pipeline.model.evidence_text import evidence
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.atomic import read_json, table_writer, write_json
from pipeline.storage.statements import Statements

RULES_DIGITS = 8
UNKNOWN_WORKERS = 16
"""Tasks where neither the recipe nor the runner says how many workers there are."""
_SQL = Statements(__name__)
_ANSWERED = "retries/answered.json"
_SMALLEST = 25  # media of a unit: less would cost more files than it wins in sharing
_UNITS_PER_HOST = 16  # that a host's work is cut into at least, once it has enough of it

Planned = tuple[str, str, int, str]
"""(host, store, row group of the plan, unit name) of a unit."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A folder of an earlier fetch whose answers may be used again."""

    folder: Path
    units: tuple[str, ...]
    lasting: bool
    """Whether only outcomes that last are used: True for another run, False for earlier units of this one."""


def rules_digest(parts: Mapping[str, Any]) -> str:
    """Return the digest of everything that decides what an answer becomes, as unit names begin with it."""
    return hashlib.blake2b(evidence(**parts).encode(), digest_size=RULES_DIGITS // 2).hexdigest()


def write_plan(
    con: duckdb.DuckDBPyConnection, wanted: str, folder: Path, name: str, rules: FetchRules, digest: str
) -> list[Planned]:
    """Write FOLDER/NAME, one row group per unit, and give what was planned.

    `wanted` is a FROM clause with host, media_id, store, address, image_id, the box, and `again`: how often an image
    was asked for again on request.
    """
    host = _SQL("host")
    query = _SQL("planned", host=host, wanted=wanted)
    counts = con.execute(f"SELECT {host}, store, count(DISTINCT media_id) FROM {wanted} GROUP BY ALL").fetchall()
    sizes = {(each, store): unit_size(media, rules.unit_size) for each, store, media in counts}
    units: list[Planned] = []
    with table_writer(folder / name, PLAN_SCHEMA) as writer:
        for rows in cut(sql.batches(con, query), sizes):
            content = "\n".join(f"{row['image_id']} {row['again']}" for row in rows)
            unit = digest + hashlib.blake2b(content.encode(), digest_size=14).hexdigest()
            table = pa.Table.from_pylist([{**row, "unit": unit} for row in rows], PLAN_SCHEMA)
            writer.write_table(table, row_group_size=1 << 30)
            first = rows[0]
            units.append((first["host"], first["store"], len(units), unit))
    return units


def unit_size(media: int, largest: int) -> int:
    """Return how many media a unit of a host has, by how many the host has: enough units to share, and not too many.

    Sizes double, so that a few media more or less cut nothing anew.

    >>> [unit_size(media, 200) for media in (1, 400, 401, 1_000, 200_000_000)], unit_size(1_000, 10)
    ([25, 25, 50, 100, 200], 10)
    """
    size = _SMALLEST
    while size < largest and media > _UNITS_PER_HOST * size:
        size *= 2
    return min(size, largest)


def cut(batches: Iterator[pa.RecordBatch], sizes: Mapping[tuple[str, str], int]) -> Iterator[list[dict[str, Any]]]:
    """Cut rows, sorted by host, store and medium, into units of at most `sizes[host, store]` media."""
    unit: list[dict[str, Any]] = []
    media = 0
    for batch in batches:
        for row in batch.to_pylist():
            if unit and (row["host"], row["store"]) != (unit[-1]["host"], unit[-1]["store"]):
                yield unit
                unit, media = [], 0
            if not unit or row["media_id"] != unit[-1]["media_id"]:
                if media == sizes[row["host"], row["store"]]:
                    yield unit
                    unit, media = [], 0
                media += 1
            unit.append(row)
    if unit:
        yield unit


def passes(rules: FetchRules, workers: int) -> tuple[int, int]:
    """Return over how many tasks units are dealt, and over how many those that the first pass left unfinished.

    A task leaves a medium to others when a redirect leads to a host in which it has no part. In the second pass there
    are no more tasks than any host may have connections, so every task has a part in every host. `workers`: how many
    there are; 0: nobody knows.

    >>> passes(FetchRules(), 20), passes(FetchRules(lanes=4), 20), passes(FetchRules(), 0)
    ((20, 8), (4, 4), (16, 8))
    """
    wanted = rules.lanes or workers or UNKNOWN_WORKERS
    first = min(wanted, workers) if workers else wanted
    return first, min(first, fewest_connections(rules))


def tasks(
    units: Sequence[Planned], plan: str, reuse: str, stores: Mapping[str, str], rules: FetchRules, parts: int
) -> list[FetchTask]:
    """Return the tasks: the units of every host dealt to those that may ask it, each unit of a local store alone.

    >>> units = [("a.org", "", 0, "u"), ("a.org", "", 1, "v"), ("b.org", "", 2, "w")]
    >>> [(task.hosts, task.parts) for task in tasks(units, "plan.parquet", "", {}, FetchRules(), parts=1)]
    [((('a.org', ((0, 'u'), (1, 'v'))), ('b.org', ((2, 'w'),))), 1)]
    """
    dealt: dict[int, dict[str, list[tuple[int, str]]]] = {}
    found: list[FetchTask] = []
    askers: dict[str, Iterator[int]] = {}
    for host, store, group, unit in units:
        if store:
            # A local store asks for no politeness: each unit is a task of its own.
            found.append(FetchTask(plan, ((host, ((group, unit),)),), store=stores[store]))
            continue
        if host not in askers:
            askers[host] = cycle(tasks_of(host, connections_of(rules, host), parts))
        dealt.setdefault(next(askers[host]), {}).setdefault(host, []).append((group, unit))
    for part, hosts in sorted(dealt.items()):
        # The longest queue first: it is the one that the end of the run waits for.
        ordered = sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0]))
        places = tuple((host, tuple(queue)) for host, queue in ordered)
        found.append(FetchTask(plan, places, part, parts, reuse=reuse))
    return found


def idle_workers(rules: FetchRules, units: Sequence[Planned], found: Sequence[FetchTask], workers: int) -> str:
    """Return a line of progress that says why workers have nothing to do; empty where all have, or work is short.

    >>> units = [("a.org", "", number, str(number)) for number in range(40)]
    >>> idle_workers(FetchRules(), units, tasks(units, "", "", {}, FetchRules(), 16), 16)
    'fetch: 8 of 16 workers have nothing to do: a host is asked by as many as it may have connections (8)'
    """
    idle = min(workers, len(units)) - len(found)
    if idle <= 0:
        return ""
    line = f"fetch: {workers - len(found)} of {workers} workers have nothing to do: "
    if 0 < rules.lanes < workers:
        return line + f"fetch.lanes is {rules.lanes}; leave it out, or set it to {workers}"
    most = max(connections_of(rules, host) for host, store, *_ in units if not store)
    return line + f"a host is asked by as many as it may have connections ({most})"


def note_retry(con: duckdb.DuckDBPyConnection, folder: Path, query: str) -> int:
    """Note in FOLDER/retries the image ids that a query gives, to be asked for again; give their number."""
    rows = int(sql.scalar(con, f"SELECT count(*) FROM ({query})"))
    if rows:
        number = len(note_files(folder)) + 1
        sql.copy(con, f"SELECT image_id FROM ({query}) ORDER BY 1", folder / "retries" / f"{number:04d}.parquet")
    return rows


def retried(folder: Path, unanswered: bool = False) -> str:
    """Return, as a FROM clause, the image ids of every note: an image that was noted twice stands there twice.

    `unanswered`: only of notes that no fetch has been done with since.
    """
    notes = note_files(folder)[(answered(folder) or 0) if unanswered else 0 :]
    if not notes:
        return "(SELECT NULL::VARCHAR AS image_id WHERE false)"
    return f"read_parquet([{', '.join(sql.quote(str(path)) for path in notes)}])"


def note_files(folder: Path) -> list[Path]:
    """Return the notes of what is to be asked for again, in the order in which they were made."""
    return sorted(folder.glob("retries/*.parquet"))


def answered(folder: Path) -> int | None:
    """Return how many notes the last whole fetch was done with; None when there was none."""
    mark = folder / _ANSWERED
    return int(read_json(mark)["notes"]) if mark.exists() else None


def note_answered(folder: Path) -> None:
    """Note that a fetch is whole, and with it all that was to be asked for again: its answers are as good as any."""
    write_json(folder / _ANSWERED, {"notes": len(note_files(folder))})


def with_retries(wanted: str, folder: Path) -> str:
    """Return, as a FROM clause, what is wanted with `again`: how often it was noted to be asked for again."""
    return "(" + _SQL("with_retries", wanted=wanted, retried=retried(folder)) + ")"


def check_retry(outcomes: Sequence[str]) -> None:
    """Raise RunError for a word that is no outcome of a fetch that can be asked for again."""
    known = sorted(outcome.code for outcome in Outcome if outcome.info.stage == "fetch")
    known.remove(Outcome.NOT_NEEDED.code)
    for code in outcomes:
        if code not in known:
            raise UsageError(f"no such outcome of fetch: {code!r}", expected=f"some of {', '.join(known)}")


def write_reuse(con: duckdb.DuckDBPyConnection, folder: Path, plan: str, name: str, earlier: Sequence[Earlier]) -> str:
    """Write which earlier answers go into the units of a plan, as FOLDER/NAME; give its name, or '' for none.

    Images that were noted to be asked for again are left out, whatever was answered before.
    """
    parts = []
    for place, source in enumerate(earlier):
        if source.units:
            listed = ", ".join(sql.quote(str(source.folder / "media" / f"{unit}.parquet")) for unit in source.units)
            whole, home = not source.lasting, str(source.folder)
            parts.append(_SQL("earlier", folder=home, place=place, files=listed, whole=whole, lasting=sorted(LASTING)))
    if not parts:
        return ""
    query = _SQL(
        "reused",
        columns=REUSE_SCHEMA.names,
        earlier=" UNION ALL ".join(parts),
        plan=str(folder / plan),
        retried=retried(folder, unanswered=True),
    )
    with table_writer(folder / name, REUSE_SCHEMA) as writer:
        rows = 0
        for batch in sql.batches(con, query):
            writer.write_table(pa.Table.from_batches([batch]).cast(REUSE_SCHEMA))
            rows += batch.num_rows
    return name if rows else ""
