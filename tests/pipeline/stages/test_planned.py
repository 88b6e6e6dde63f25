"""Units of work: every split is read once and every bucket mapped once, and what travels is small."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.recipe import SourceSpec
from pipeline.model.errors import RunError
from pipeline.sources import Plan, Release
from pipeline.sources.release.base import Split
from pipeline.stages.planned import PARTITIONS, RANGE_SPLITS, planned_release, read_planned, write_planned

RELEASE = Release(SourceSpec("s", "gbif-dwca", "a.zip"), "r", ("a.zip",))
COLUMNS = tuple(f"term{number}" for number in range(240))


def splits(tables: list[str]) -> tuple[Split, ...]:
    return tuple(Split(table, "a", "a!b", 9 * n, 9, n + 1, 1, COLUMNS) for n, table in enumerate(tables))


@given(
    st.lists(st.sampled_from(["occurrence", "multimedia"]), max_size=40),
    st.integers(1, 3000),
    st.integers(1, 9),
    st.integers(1, 300),
    st.sampled_from(["", "id"]),
)
def test_every_split_is_in_one_range_and_every_bucket_in_one_partition(
    tables: list[str], buckets: int, longest: int, partitions: int, key: str
) -> None:
    plan = Plan(splits(tables), key, buckets if key else 1)
    planned = planned_release(Path("out"), RELEASE, plan, longest, partitions)
    ranges = [planned.splits_of(number) for number in range(len(planned.ranges))]
    assert tuple(split for each in ranges for split in each) == plan.splits
    for each in ranges:
        assert 1 <= len(each) <= (longest if key else 1)
        assert len({split.table for split in each}) == 1
    mapped = [bucket for number in range(planned.partitions) for bucket in planned.buckets_of(number)]
    assert mapped == (list(range(buckets)) if key and tables else [])
    assert planned.partitions <= partitions
    names = [planned.range_name(number) for number in range(len(ranges))]
    if key:
        names += [planned.bucket_name(bucket) for bucket in mapped]
    assert len(set(names)) == len(names)
    assert set(planned.units()) <= set(names)
    assert len(list(planned.units())) == (len(mapped) if key else len(ranges))


def test_units_grow_with_splits_and_buckets_and_never_with_their_product() -> None:
    plan = Plan(splits(["occurrence"] * 2000), "id", 2000)
    planned = planned_release(Path("out"), RELEASE, plan)
    assert len(planned.ranges) <= 2000 / RANGE_SPLITS
    assert planned.partitions <= PARTITIONS
    assert planned.width * planned.partitions >= 2000


def test_what_was_written_is_read_and_nothing_else(tmp_path: Path) -> None:
    planned = planned_release(tmp_path, RELEASE, Plan(splits(["occurrence"] * 3), "id", 2))
    path = write_planned(planned)
    assert read_planned(path) == planned
    assert len(pickle.dumps(read_planned(path))) < 10_000, "columns are told once, not by every split"
    other = write_planned(planned_release(tmp_path, RELEASE, Plan(splits(["occurrence"] * 3), "id", 5)))
    assert other != path, "a worker that has read one plan never takes it for another"
    assert read_planned(other).plan.buckets == 5
    foreign = tmp_path / "foreign" / Path(path).name
    foreign.parent.mkdir()
    foreign.write_bytes(pickle.dumps(print))
    with pytest.raises(RunError, match="was changed"):
        read_planned(str(foreign))
