"""Ingest: release files of every source become canonical records, and every row that does not is accounted for.

    ranges of splits -> read (spool rows by bucket of the join key); then buckets -> map to records and ended rows

These are two pipelines, one after another: all rows of a bucket are spooled before it is mapped, so that nothing is
shuffled. Sources that join no tables are read and mapped in the first. Units are a source and a number; the release is
in a file, and rows go through Arrow files in `ingest/spool`, which is removed when the stage is done.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from manifests import Recipe
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ABSORBED, ENDED_SCHEMA, conform, empty_records
from pipeline.sources import open_source
from pipeline.sources.release.base import Mapped, Release
from pipeline.stages.base import Balance, Context, Stage, plan_outputs, ticker
from pipeline.stages.kept_inputs import absent_input
from pipeline.stages.planned import PlannedRelease, read_planned, write_planned
from pipeline.stages.published_plan import kept_release, plan_before, published_plan
from pipeline.stages.reading import map_partition, map_range, plan_release, spool_range
from pipeline.stages.spool import spooled_buckets
from pipeline.storage.database import connect, copy, parquet
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, write_table
from pipeline.storage.parquet_files import read_schema
from pipeline.storage.places import Place, matching, place, remove_tree
from pipeline.storage.statements import Statements
from pipeline.storage.unit_files import listed

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher

_SQL = Statements(__name__)
_RETURN_EVERY = 8
"""Units between two returns of freed memory to the system."""
_UNITS_BEGUN = count()
_ROW_SECONDS = 20e-6
"""CPU seconds that a row takes, about."""


def _return_memory() -> None:
    # Arrow's own pool keeps what is freed, and the system's keeps what lies between live blocks until it is told. Units
    # are of one size and reuse each other's pages: told at every one, it would have them all mapped anew.
    pool = pa.system_memory_pool()
    pa.set_memory_pool(pool)
    if next(_UNITS_BEGUN) % _RETURN_EVERY == 0:
        pool.release_unused()


class Unit(NamedTuple):
    """A unit of work: a range of splits of a source, or a partition of its buckets, by number."""

    source: str
    number: int


@dataclass(frozen=True, slots=True)
class ReadRange:
    """Read the splits of a range and sort their rows into buckets of the join key, or map them where nothing joins."""

    plans: Mapping[str, str]
    """Path of the planned release of every source."""

    def __call__(self, unit: Unit) -> Counter[str]:
        """Write what the range becomes and then `ledger/RANGE.parquet`, which says with the former that it is done.

        Returns its rows by what became of them.
        """
        _return_memory()
        planned = read_planned(self.plans[unit.source])
        if not planned.joins:
            return _write_mapped(planned, planned.range_name(unit.number), map_range(planned, unit.number))
        path = _ledger_of(planned, planned.range_name(unit.number))
        counted_before = path.exists()  # by a worker whose spooled rows are lost
        ended = spool_range(planned, unit.number)
        write_table(path, _ledger(ended, 0))
        return Counter() if counted_before else _outcomes(ended)


@dataclass(frozen=True, slots=True)
class MapPartition:
    """Map the native rows of a partition's buckets to records and ended rows."""

    plans: Mapping[str, str]
    """Path of the planned release of every source."""

    def __call__(self, unit: Unit) -> Counter[str]:
        """Write `records/BUCKET.parquet` and then `ledger/BUCKET.parquet`, whose presence says that it is done.

        Returns the rows of what it wrote by what became of them.
        """
        _return_memory()
        planned = read_planned(self.plans[unit.source])
        done = {
            bucket
            for bucket in planned.buckets_of(unit.number)
            if _ledger_of(planned, planned.bucket_name(bucket)).exists()
        }
        counts: Counter[str] = Counter()
        for bucket, mapped in map_partition(planned, unit.number, without=done):
            counts += _write_mapped(planned, planned.bucket_name(bucket), mapped)
        return counts


def _write_mapped(planned: PlannedRelease, name: str, mapped: Mapped) -> Counter[str]:
    write_table(place(planned.folder) / "records" / f"{name}.parquet", mapped.records)
    write_table(_ledger_of(planned, name), _ledger(mapped.ended, mapped.absorbed))
    return Counter(records=mapped.records.num_rows, absorbed=mapped.absorbed) + _outcomes(mapped.ended)


def _outcomes(ended: pa.Table) -> Counter[str]:
    return Counter(ended.column("outcome").to_pylist())


def _ledger_of(planned: PlannedRelease, name: str) -> Place:
    return place(planned.folder) / "ledger" / f"{name}.parquet"


def _ledger(ended: pa.Table, absorbed: int) -> pa.Table:
    return conform(ended, ENDED_SCHEMA).replace_schema_metadata({ABSORBED: str(absorbed).encode()})


Run = Callable[[Sequence[Unit], Callable[[Unit], Any]], object]
"""Calls the work with every unit, here or on workers, and returns when all is done."""


def ingest_planned(releases: Sequence[PlannedRelease], folder: Place, run: Run) -> None:
    """Read and map releases into `folder/records` and `folder/ledger`: what is missing there, in two steps."""
    _write_schemas(folder)
    plans = {planned.release.spec.name: write_planned(planned) for planned in releases}
    written, spooled = listed(folder / "ledger"), listed(folder / "spool")
    if isinstance(folder, Path):
        for left in folder.glob(f"spool/{TEMPORARY_PREFIX}*"):  # what a killed worker was sorting
            shutil.rmtree(left, ignore_errors=True)
    partitions = [
        Unit(planned.release.spec.name, number)
        for planned in releases
        for number in range(planned.partitions)
        if any(f"{planned.bucket_name(bucket)}.parquet" not in written for bucket in planned.buckets_of(number))
    ]
    asked = {unit.source for unit in partitions}
    ranges = [
        Unit(planned.release.spec.name, number)
        for planned in releases
        if not planned.joins or planned.release.spec.name in asked
        for number in range(len(planned.ranges))
        if not _is_read(planned, number, written, spooled)
    ]
    for units, work in ((ranges, ReadRange(plans)), (partitions, MapPartition(plans))):
        if units:
            run(units, work)


def _is_read(planned: PlannedRelease, number: int, written: set[str], spooled: set[str]) -> bool:
    if f"{planned.range_name(number)}.parquet" not in written:
        return False
    path = planned.spooled(number)
    return not planned.joins or (path.name in spooled and spooled_buckets(path) is not None)


def ingest_release(release: Release, folder: Place) -> tuple[int, int]:
    """Read and map one release in this process, into `folder/records` and `folder/ledger`.

    Gives the rows of the release and those that became part of other rows.
    """
    planned = plan_release(release, folder)

    def run(units: Sequence[Unit], work: Callable[[Unit], object]) -> None:
        for unit in units:
            work(unit)

    ingest_planned([planned], folder, run)
    name = release.spec.name
    return planned.rows, _absorbed(folder, [name])[name]


def _write_schemas(folder: Place) -> None:
    # Every table of the stage has at least this part, so that an empty release is still a table with columns.
    write_table(folder / "records" / "-schema.parquet", empty_records())
    write_table(folder / "ledger" / "-schema.parquet", _ledger(ENDED_SCHEMA.empty_table(), 0))


class Ingest(Stage):
    """The ingest stage."""

    name = "ingest"
    version = 6
    sections = ("sources", "limits")

    def __init__(self) -> None:
        self._releases: list[Release] = []

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest every file of every release."""
        self._releases = [open_source(spec.kind).inspect(spec) for spec in context.recipe.sources]
        return context.digests({r.spec.name: [Path(f) for f in r.files] for r in self._releases})

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the releases, and what names their pages."""
        return [path for spec in recipe.sources for path in (spec.path, spec.hierarchy) if path]

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Return what the releases are; what units read of them is published when they are cut."""
        return {release.spec.name: kept_release(release) for release in self._releases}

    def take(self, context: Context) -> Context:
        """Take the releases for what they were."""
        self._releases = [Release(spec, **self.kept[spec.name]) for spec in context.recipe.sources]
        return context

    def _planned(self, context: Context, release: Release) -> PlannedRelease:
        """Return a release that is cut into units, and published where workers do not see this machine."""
        folder, name, publisher = context.folder.stage(self.name), release.spec.name, context.publisher
        before = plan_before(folder, name, publisher) if publisher or self.taken is not None else None
        if before is not None:
            return before
        if self.taken is not None:
            raise absent_input(release.spec.path, "its tables, which are published before the first work unit begins")
        planned = plan_release(release, folder, unpacked=context.driver_folder(self.name))
        if publisher is None:
            return planned
        published = published_plan(planned, publisher)
        publisher.tell()
        return published

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Plan, read, map; then check the share of malformed rows."""
        folder, here = context.folder.stage(self.name), context.driver_folder(self.name)
        releases: list[PlannedRelease] = []
        facts: dict[str, Any] = {}
        for release in self._releases:
            planned = self._planned(context, release)
            releases.append(planned)
            facts[release.spec.name] = {
                "release": release.release,
                "rows": planned.rows,
                "splits": len(planned.plan.splits),
            }
            context.progress(f"ingest: {release.spec.name}: {planned.rows:,} rows")
        outputs = [f"ledger/{name}.parquet" for planned in releases for name in _units(planned)]
        plan_outputs(context, self.name, outputs, sum(fact["rows"] for fact in facts.values()))
        tick = ticker(context, self.name, outputs)
        engine.expect(self.name, _ROW_SECONDS * sum(fact["rows"] for fact in facts.values()))
        ingest_planned(releases, folder, lambda units, work: engine.run_units(self.name, units, work, folder, tick))
        for release in self._releases:
            self._check_rejects(context, release.spec.name, facts[release.spec.name]["rows"])
        self._name_ended(context, folder)
        for home in (folder, here):
            remove_tree(home / "spool")
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

    def _name_ended(self, context: Context, folder: Place) -> None:
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
        counted = {name: [0, 0] for name in sources}
        with connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            for place, table in enumerate((folder / "records", folder / "ledger")):
                for source, rows in con.execute(_SQL("rows", table=parquet(table))).fetchall():
                    counted[source][place] = rows
        absorbed = _absorbed(folder, sources)
        return [
            Balance(name, sources[name]["rows"], records + absorbed[name], ended)
            for name, (records, ended) in sorted(counted.items())
        ]


def _units(planned: PlannedRelease) -> set[str]:
    """Return the names of the parts of the ledger that a release will have."""
    return {*planned.units(), *map(planned.range_name, range(len(planned.ranges)))}


def _absorbed(folder: Place, names: Iterable[str]) -> dict[str, int]:
    """Count the native rows of every source that became part of other rows."""
    counted = dict.fromkeys(names, 0)
    for path in matching(folder / "ledger", "*.parquet"):
        absorbed = int((read_schema(path).metadata or {}).get(ABSORBED, b"0"))
        if absorbed:
            counted[_source_of(path.stem, counted)] += absorbed
    return counted


def _source_of(stem: str, names: Iterable[str]) -> str:
    return max((name for name in names if stem.startswith(f"{name}-")), key=len)
