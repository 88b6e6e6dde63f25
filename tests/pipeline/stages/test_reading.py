"""Reading a release in units: whatever their sizes, the rows are the same, each with the place where it stood."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import Recipe, load_recipe
from pipeline.demo import Corpus
from pipeline.model.errors import ConservationError
from pipeline.sources import open_source
from pipeline.stages.ingest import Unit, ingest_planned
from pipeline.stages.planned import PlannedRelease, planned_release
from pipeline.stages.reading import map_partition, plan_release, spool_range
from tests.pipeline.stages.reversed_units import here, in_reverse

SOURCES = ("gbif", "fathomnet", "eol", "bioscan")
Run = Callable[[Sequence[Unit], Callable[[Unit], None]], None]


@pytest.fixture(scope="module")
def releases(corpus: Corpus) -> Recipe:
    return load_recipe(corpus.recipe)


def planned_of(recipe: Recipe, source: str, folder: Path, split_bytes: int = 16 << 20) -> PlannedRelease:
    (spec,) = [each for each in recipe.sources if each.name == source]
    return plan_release(open_source(spec.kind).inspect(spec), folder, split_bytes)


def rows(folder: Path, planned: PlannedRelease, run: Run = here) -> dict[str, list[str]]:
    """Return what a release becomes: all cells of all rows, in an order of their own, and what was absorbed."""
    ingest_planned([planned], folder, run)
    found = {}
    for table in ("records", "ledger"):
        parts = [pq.read_table(path) for path in sorted((folder / table).glob("*.parquet"))]
        found[table] = sorted(str(row) for part in parts for row in part.to_pylist())
        found[table] += [str(sum(int((part.schema.metadata or {}).get(b"absorbed", b"0")) for part in parts))]
    return found


@settings(max_examples=14)
@given(
    st.sampled_from(SOURCES),
    st.integers(200, 40_000),
    st.integers(1, 60),
    st.integers(1, 7),
    st.integers(1, 70),
    st.sampled_from([here, in_reverse]),
)
def test_rows_are_the_same_for_any_size_of_splits_ranges_buckets_and_partitions(
    releases: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
    source: str,
    split_bytes: int,
    buckets: int,
    longest: int,
    partitions: int,
    run: Run,
) -> None:
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")
    expected = rows(one, planned_of(releases, source, one))
    cut = planned_of(releases, source, many, split_bytes)
    plan = dataclasses.replace(cut.plan, buckets=buckets if cut.joins else 1)
    planned = planned_release(many, cut.release, plan, longest, partitions)
    assert rows(many, planned, run) == expected
    assert len(expected["records"]) > 30
    assert planned.rows == len(expected["records"]) + len(expected["ledger"]) - 2 + int(expected["ledger"][-1])


def test_a_partition_leaves_nothing_behind_and_skips_what_is_done(releases: Recipe, tmp_path: Path) -> None:
    cut = planned_of(releases, "gbif", tmp_path, 3000)
    planned = planned_release(tmp_path, cut.release, dataclasses.replace(cut.plan, buckets=9), 2, partitions=2)
    for number in range(len(planned.ranges)):
        spool_range(planned, number)
    before = sorted(tmp_path.rglob("*"))
    every = dict(map_partition(planned, 0))
    assert list(every) == [0, 1, 2, 3, 4]
    some = dict(map_partition(planned, 0, without={1, 3}))
    assert list(some) == [0, 2, 4]
    assert all(some[bucket].records.equals(every[bucket].records) for bucket in some)
    assert sorted(tmp_path.rglob("*")) == before


def test_spooled_rows_that_are_not_whole_are_told_and_never_read(releases: Recipe, tmp_path: Path) -> None:
    planned = planned_of(releases, "gbif", tmp_path)
    for number in range(len(planned.ranges)):
        assert isinstance(spool_range(planned, number), pa.Table)
    path = planned.spooled(0)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConservationError, match="not whole"):
        list(map_partition(planned, 0))
