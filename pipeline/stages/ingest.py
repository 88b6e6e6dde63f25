"""Ingest: release files of every source become canonical records, and every row that does not is accounted for.

    splits -> read (spool rows by bucket of the join key) -> group by bucket -> map to records and ended rows

Sources that join no tables are read and mapped in one step. Only descriptors travel through Beam's shuffle; rows go
through Parquet files in `ingest/spool`, which is removed when the stage is done.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ABSORBED, ENDED_SCHEMA, conform, empty_records
from pipeline.sources import open_source
from pipeline.sources.release.base import Release
from pipeline.stages.base import Balance, Context, Stage, plan_outputs, ticker
from pipeline.stages.reading import Part, ReadTask, map_unit, plan_release, spool_split, unit_of
from pipeline.stages.spool import spooled_buckets
from pipeline.storage.atomic import write_table
from pipeline.storage.database import connect, copy, parquet
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.engine.engine import Engine
    from pipeline.engine.failures import Report

_SQL = Statements(__name__)
_RETURN_EVERY = 8
"""Units between two returns of freed memory to the system."""
_UNITS_BEGUN = count()


def _return_memory() -> None:
    # Arrow's own pool keeps what is freed, and the system's keeps what lies between live blocks until it is told. Units
    # are of one size and reuse each other's pages: told at every one, it would have them all mapped anew.
    pool = pa.system_memory_pool()
    pa.set_memory_pool(pool)
    if next(_UNITS_BEGUN) % _RETURN_EVERY == 0:
        pool.release_unused()


@dataclass(frozen=True, slots=True)
class Spool:
    """Read one split and sort its rows into buckets of the join key."""

    def __call__(self, task: ReadTask) -> Iterator[tuple[str, Part]]:
        """Yield (unit name, (task, bucket)) for every bucket the split has rows in, and for bucket 0 of the plan."""
        _return_memory()
        if not task.join_key:
            yield unit_of(task, 0), (task, 0)
            return
        ledger = Path(task.folder) / "ledger" / f"{task.stem}.parquet"
        present = spooled_buckets(task.spooled) if ledger.exists() else None
        if present is None:
            present, ended = spool_split(task)
            write_table(ledger, _ledger(ended, 0))
        for value in present:
            yield unit_of(task, value), (task, value)


def _ledger(ended: pa.Table, absorbed: int) -> pa.Table:
    return conform(ended, ENDED_SCHEMA).replace_schema_metadata({ABSORBED: str(absorbed).encode()})


@dataclass(frozen=True, slots=True)
class MapBucket:
    """Map the native rows of one bucket to records and ended rows, and write both."""

    def __call__(self, element: tuple[str, Iterable[Part]]) -> None:
        """Write `records/UNIT.parquet` and then `ledger/UNIT.parquet`, whose presence says that the unit is done."""
        _return_memory()
        unit, parts = element
        parts = list(parts)
        folder = Path(parts[0][0].folder)
        ledger = folder / "ledger" / f"{unit}.parquet"
        if ledger.exists():
            return
        mapped = map_unit(parts)
        write_table(folder / "records" / f"{unit}.parquet", mapped.records)
        write_table(ledger, _ledger(mapped.ended, mapped.absorbed))


def ingest_release(release: Release, folder: Path) -> tuple[int, int]:
    """Read and map one release in this process, into `folder/records` and `folder/ledger`.

    Gives the rows of the release and those that became part of other rows.
    """
    tasks = plan_release(release, folder)
    _write_schemas(folder)
    units: dict[str, list[Part]] = {}
    for task in tasks:
        for unit, part in Spool()(task):
            units.setdefault(unit, []).append(part)
    for unit in sorted(units):
        MapBucket()((unit, units[unit]))
    name = release.spec.name
    return sum(task.split.rows for task in tasks), _absorbed(folder, [name])[name]


def _write_schemas(folder: Path) -> None:
    # Every table of the stage has at least this part, so that an empty release is still a table with columns.
    write_table(folder / "records" / "-schema.parquet", empty_records())
    write_table(folder / "ledger" / "-schema.parquet", _ledger(ENDED_SCHEMA.empty_table(), 0))


def _graph(tasks: list[ReadTask], pipeline: beam.Pipeline, report: Report) -> None:
    import apache_beam as beam

    (
        pipeline
        | "splits" >> beam.Create(tasks, reshuffle=False)
        | "spread" >> beam.Reshuffle()
        | "read" >> beam.FlatMap(report.on_each(Spool())).with_output_types(tuple[str, Part])
        | "bucket" >> beam.GroupByKey()
        | "map" >> beam.Map(report.on(MapBucket()))
    )


class Ingest(Stage):
    """The ingest stage."""

    name = "ingest"
    version = 2
    sections = ("sources", "limits")

    def __init__(self) -> None:
        self._releases: list[Release] = []

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest every file of every release."""
        self._releases = [open_source(spec.kind).inspect(spec) for spec in context.recipe.sources]
        return context.digests({r.spec.name: [Path(f) for f in r.files] for r in self._releases})

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Plan, read, map; then check the share of malformed rows."""
        folder = context.folder.stage(self.name)
        tasks: list[ReadTask] = []
        facts: dict[str, Any] = {}
        for release in self._releases:
            planned = plan_release(release, folder)
            tasks += planned
            facts[release.spec.name] = {
                "release": release.release,
                "rows": sum(task.split.rows for task in planned),
                "splits": len(planned),
            }
            context.progress(f"ingest: {release.spec.name}: {facts[release.spec.name]['rows']:,} rows")
        outputs = sorted({f"ledger/{unit_of(task, 0)}.parquet" for task in tasks if not task.join_key})
        outputs += [f"ledger/{task.stem}.parquet" for task in tasks if task.join_key]
        plan_outputs(context, self.name, outputs, sum(fact["rows"] for fact in facts.values()))
        _write_schemas(folder)
        engine.run(self.name, partial(_graph, tasks), folder, ticker(context, self.name, outputs), len(tasks))
        for release in self._releases:
            self._check_rejects(context, release.spec.name, facts[release.spec.name]["rows"])
        self._name_ended(context, folder)
        shutil.rmtree(folder / "spool", ignore_errors=True)
        for name, absorbed in _absorbed(folder, facts).items():
            facts[name]["absorbed"] = absorbed
        return {"sources": facts}

    def _check_rejects(self, context: Context, source: str, rows: int) -> None:
        limit = context.recipe.limits.reject_percent
        ledger = parquet(context.folder.stage(self.name) / "ledger")
        with connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            found = con.execute(
                _SQL("malformed", ledger=ledger),
                [source, Outcome.MALFORMED_ROW.code],
            ).fetchall()
        bad = sum(row[1] for row in found)
        if rows and 100 * bad / rows > limit:
            worst = "; ".join(
                f"{code}: {n:,} rows, such as {(example or '')[:80]!r} ({place})"
                for code, n, example, place in found[:3]
            )
            raise SourceError(
                f"{bad:,} of {rows:,} rows of source {source!r} are malformed ({100 * bad / rows:.1f} %)",
                where=worst,
                expected=f"at most limits.reject_percent = {limit} %",
                remedy="mend or fetch the release again; or raise limits.reject_percent if the rest is worth having",
            )

    def _name_ended(self, context: Context, folder: Path) -> None:
        """Write all ended rows to `ended/`, with one id each: rows of equal content are told apart by number."""
        columns = ", ".join(name for name in ENDED_SCHEMA.names if name != "row_id")
        ledger, records = parquet(folder / "ledger"), parquet(folder / "records")
        query = _SQL("ended", columns=columns, records=records, ledger=ledger)
        with connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            copy(con, query, folder / "ended" / "part.parquet")

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Rows counted while cutting the files = records + ended + absorbed into other rows."""
        folder = context.folder.stage(self.name)
        sources = facts["sources"]
        counted = {name: [0, 0, 0] for name in sources}
        for path in sorted((folder / "records").glob("*.parquet")):
            _add(counted, pq.read_table(path, columns=["source"]), 0)
        for path in sorted((folder / "ledger").glob("*.parquet")):
            _add(counted, pq.read_table(path, columns=["source"]), 1)
        for name, absorbed in _absorbed(folder, sources).items():
            counted[name][2] = absorbed
        return [
            Balance(name, sources[name]["rows"], records + absorbed, ended)
            for name, (records, ended, absorbed) in sorted(counted.items())
        ]


def _absorbed(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """Count the native rows of every source that became part of other rows."""
    counted = dict.fromkeys(names, 0)
    for path in sorted((folder / "ledger").glob("*.parquet")):
        absorbed = int((pq.read_schema(path).metadata or {}).get(ABSORBED, b"0"))
        if absorbed:
            counted[_source_of(path.stem, counted)] += absorbed
    return counted


def _source_of(stem: str, names: Iterable[str]) -> str:
    return max((name for name in names if stem.startswith(f"{name}-")), key=len)


def _add(counted: dict[str, list[int]], table: pa.Table, place: int) -> None:
    for row in table.column("source").value_counts().to_pylist():
        counted[row["values"]][place] += row["counts"]
