"""Cutting what is wanted into units of one host.

Units are cut and named by the input alone: a unit's name begins with the digest of the rules by which its images are
made, and goes on with a digest of what is in it. A round's plan has a row per image, those of a unit together, and
beside it stands the table of its units.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa

from manifests import FetchRules
from pipeline.media.media_schema import MEDIA_SCHEMA, PLAN_SCHEMA, UNITS_SCHEMA
from pipeline.media.reuse import LASTING, REUSE_SCHEMA
from pipeline.media.task import Planned
from pipeline.model.errors import UsageError
from pipeline.model.evidence_text import evidence
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json, write_json, write_table
from pipeline.storage.places import Place
from pipeline.storage.row_groups import GROUP_ROWS, row_group_writer
from pipeline.storage.statements import Statements
from pipeline.storage.unit_files import units_name

RULES_DIGITS = 8
_SQL = Statements(__name__)
_ANSWERED = "retries/answered.json"
_SMALLEST = 25  # media of a unit: less would cost more files than it wins in sharing
READ_ROWS = 1 << 14  # of a row group of what workers read: each holds two, decoded
_UNITS_PER_HOST = 16  # that a host's work is cut into at least, once it has enough of it


@dataclass(frozen=True, slots=True)
class Earlier:
    """A folder of an earlier fetch whose answers may be used again."""

    folder: Place
    files: tuple[Place, ...]
    """Files of answers, of units and of parts."""
    lasting: bool
    """Whether only outcomes that last are used: True for another run, False for earlier units of this one."""


def rules_digest(parts: Mapping[str, Any]) -> str:
    """Return the digest of everything that decides what an answer becomes, as unit names begin with it."""
    return hashlib.blake2b(evidence(**parts).encode(), digest_size=RULES_DIGITS // 2).hexdigest()


def write_plan(
    con: duckdb.DuckDBPyConnection, wanted: str, folder: Place, round_: str, rules: FetchRules, digest: str
) -> list[Planned]:
    """Write the plan of a round and the table of its units, and give what was planned.

    `wanted` is a FROM clause with host, media_id, store, address, image_id, the box, and `again`: how often an image
    was asked for again on request.
    """
    host = host_sql()
    query = _SQL("planned", host=host, wanted=wanted)
    counts = con.execute(f"SELECT {host}, store, count(DISTINCT media_id) FROM {wanted} GROUP BY ALL").fetchall()
    sizes = {(each, store): unit_size(media, rules.unit_size) for each, store, media in counts}
    units: list[Planned] = []
    with row_group_writer(folder / plan_name(round_), PLAN_SCHEMA, READ_ROWS) as write:
        for table, cuts in cut(sql.batches(con, query), sizes):
            images, again = (table[name].to_pylist() for name in ("image_id", "again"))
            hosts, stores, names = table["host"], table["store"], []
            for start, end in pairwise(cuts):
                content = "\n".join(map("{} {}".format, images[start:end], again[start:end]))
                names.append(digest + hashlib.blake2b(content.encode(), digest_size=14).hexdigest())
                first = units[-1].first + units[-1].rows if units else 0
                place = hosts[start].as_py(), stores[start].as_py()
                units.append(Planned(*place, names[-1], first, end - start))
            each = pa.array(
                (name for name, (start, end) in zip(names, pairwise(cuts), strict=True) for _ in range(end - start)),
                pa.string(),
            )
            write(table.append_column("unit", each).select(PLAN_SCHEMA.names).cast(PLAN_SCHEMA))
    write_units(folder / units_name(round_), units)
    return units


def host_sql() -> str:
    """Return the SQL expression of the host whose turn an address takes, of columns store, address and host.

    >>> host_sql().startswith("CASE")
    True
    """
    return _SQL("host")


def plan_name(round_: str) -> str:
    """Return the name of the plan of a round; beside it stands the table of its units."""
    return f"plan-{round_}.parquet"


def planned_rounds(folder: Place) -> list[str]:
    """Return the rounds of which plans lie in a folder, of whatever recipe they are."""
    return sorted({path.stem.partition("-")[2] for path in folder.glob("plan-*.parquet")})


def remove_plan(folder: Place, round_: str) -> None:
    """Remove the plan of a round with all that belongs to it."""
    for name in (units_name(round_), plan_name(round_), reuse_name(round_)):
        (folder / name).unlink(missing_ok=True)


def reuse_name(round_: str) -> str:
    """Return the name of the table of earlier answers that go into the units of a round."""
    return f"reuse-{round_}.parquet"


def write_units(path: Place, units: Sequence[Planned]) -> None:
    """Write a table of units, in their order."""
    columns = list(zip(*units, strict=True)) or [()] * len(Planned._fields)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, UNITS_SCHEMA, strict=True)]
    write_table(path, pa.table(arrays, schema=UNITS_SCHEMA), row_group_size=GROUP_ROWS)


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


def cut(
    batches: Iterable[pa.RecordBatch], sizes: Mapping[tuple[str, str], int]
) -> Iterator[tuple[pa.Table, list[int]]]:
    """Cut rows, sorted by host, store and medium, into units of at most `sizes[host, store]` media.

    Yields tables of whole units, each with the rows at which a unit begins, and its number of rows.
    """
    waiting: pa.Table | None = None  # the unit that is not at its end
    key: tuple[str, str] = ("", "")
    medium, media = "", 0
    for batch in batches:
        table = pa.Table.from_batches([batch])
        begun = waiting.num_rows if waiting is not None else 0
        cuts = [0]
        columns = (table[name].to_pylist() for name in ("host", "store", "media_id"))
        for place, (host, store, each) in enumerate(zip(*columns, strict=True), begun):
            if (host, store) != key:
                begins, key = True, (host, store)
            elif each != medium:
                begins = media == sizes[key]
            else:
                continue
            medium, media = each, 1 if begins else media + 1
            if begins and place:
                cuts.append(place)
        table = table if waiting is None else pa.concat_tables([waiting, table])
        if len(cuts) > 1:
            yield table.slice(0, cuts[-1]), cuts
        waiting = table.slice(cuts[-1])
    if waiting is not None and waiting.num_rows:
        yield waiting, [0, waiting.num_rows]


def note_retry(con: duckdb.DuckDBPyConnection, folder: Place, query: str) -> int:
    """Note in FOLDER/retries the image ids that a query gives, to be asked for again; give their number."""
    rows = int(sql.scalar(con, f"SELECT count(*) FROM ({query})"))
    if rows:
        number = len(note_files(folder)) + 1
        sql.copy(con, f"SELECT image_id FROM ({query}) ORDER BY 1", folder / "retries" / f"{number:04d}.parquet")
    return rows


def retried(folder: Place, unanswered: bool = False) -> str:
    """Return, as a FROM clause, the image ids of every note: an image that was noted twice stands there twice.

    `unanswered`: only of notes that no fetch has been done with since.
    """
    notes = note_files(folder)[(answered(folder) or 0) if unanswered else 0 :]
    if not notes:
        return "(SELECT NULL::VARCHAR AS image_id WHERE false)"
    return f"read_parquet([{', '.join(sql.quote(str(path)) for path in notes)}])"


def note_files(folder: Place) -> list[Place]:
    """Return the notes of what is to be asked for again, in the order in which they were made."""
    return sorted(folder.glob("retries/*.parquet"))


def answered(folder: Place) -> int | None:
    """Return how many notes the last whole fetch was done with; None when there was none."""
    mark = folder / _ANSWERED
    return int(read_json(mark)["notes"]) if mark.exists() else None


def note_answered(folder: Place) -> None:
    """Note that a fetch is whole, and with it all that was to be asked for again: its answers are as good as any."""
    write_json(folder / _ANSWERED, {"notes": len(note_files(folder))})


def with_retries(wanted: str, folder: Place) -> str:
    """Return, as a FROM clause, what is wanted with `again`: how often it was noted to be asked for again."""
    return "(" + _SQL("with_retries", wanted=wanted, retried=retried(folder)) + ")"


def check_retry(outcomes: Sequence[str]) -> None:
    """Raise RunError for a word that is no outcome of a fetch that can be asked for again."""
    known = sorted(outcome.code for outcome in Outcome if outcome.info.stage == "fetch")
    known.remove(Outcome.NOT_NEEDED.code)
    for code in outcomes:
        if code not in known:
            raise UsageError(f"no such outcome of fetch: {code!r}", expected=f"some of {', '.join(known)}")


def write_reuse(
    con: duckdb.DuckDBPyConnection, folder: Place, round_: str, digest: str, earlier: Sequence[Earlier]
) -> str:
    """Write which earlier answers go into the units of a round's plan; give the table's name, or '' for none.

    `digest`: of the rules; answers by others are not used.

    Images that were noted to be asked for again are left out, whatever was answered before.
    """
    parts = []
    for place, source in enumerate(earlier):
        if source.files:
            files = (folder / "media" / "-schema.parquet", *source.files)
            listed = ", ".join(sql.quote(str(path)) for path in files)
            whole, home = not source.lasting, str(source.folder)
            which = _SQL(
                "earlier",
                columns=MEDIA_SCHEMA.names,
                files=listed,
                digest=digest,
                whole=whole,
                lasting=sorted(LASTING),
            )
            parts.append(_SQL("placed", earlier=which, folder=home, place=place))
    if not parts:
        return ""
    query = _SQL(
        "reused",
        columns=REUSE_SCHEMA.names,
        earlier=" UNION ALL ".join(parts),
        plan=str(folder / plan_name(round_)),
        retried=retried(folder, unanswered=True),
    )
    name = reuse_name(round_)
    with row_group_writer(folder / name, REUSE_SCHEMA, READ_ROWS) as write:
        rows = 0
        for batch in sql.batches(con, query):
            write(pa.Table.from_batches([batch]).cast(REUSE_SCHEMA))
            rows += batch.num_rows
    return name if rows else ""
