"""A release read from its first byte to its last mapped row, with every balance checked on the way."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from manifests.recipe import SourceSpec
from pipeline.model.records import ENDED_SCHEMA, LOCATOR_COLUMNS, RECORD_SCHEMA
from pipeline.sources import Plan, Release, open_source
from pipeline.stages.spool import buckets_of


@dataclass(frozen=True)
class Read:
    """What became of a release."""

    release: Release
    plan: Plan
    records: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    absorbed: int

    @property
    def rows(self) -> int:
        return sum(split.rows for split in self.plan.splits)

    def outcomes(self) -> Counter[str]:
        return Counter(row["outcome"] for row in self.ended)

    def content(self) -> list[str]:
        """Everything but the locators, in an order of its own."""
        rows = [{k: v for k, v in row.items() if k not in LOCATOR_COLUMNS} for row in [*self.records, *self.ended]]
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    def one(self, key: str) -> dict[str, Any]:
        (row,) = [row for row in self.records if row["source_record_id"] == key]
        return row


Reader = Callable[..., Read]


@pytest.fixture
def read_release(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    def read(kind: str, path: Path, *, target_bytes: int = 32 << 20, buckets: int = 1, **fields: Any) -> Read:
        source = open_source(kind)
        release = source.inspect(SourceSpec(name="s", kind=kind, path=str(path), **fields))
        spool = tmp_path_factory.mktemp("spool")
        release = dataclasses.replace(release, facts={**release.facts, "spool": str(spool)})
        plan = source.plan(release, spool, target_bytes)
        assert source.plan(release, spool, target_bytes) == plan
        groups: list[dict[str, list[pa.Table]]] = [{} for _ in range(buckets if plan.join_key else 0)]
        ended: list[pa.Table] = []
        for split in plan.splits:
            native = source.read(split, release)
            assert split.rows == native.table.num_rows + native.ended.num_rows
            ended.append(native.ended)
            if not plan.join_key:
                groups.append({split.table: [native.table]})
                continue
            bucket = buckets_of(native.table.column(plan.join_key).combine_chunks(), buckets)
            for number, group in enumerate(groups):
                group.setdefault(split.table, []).append(native.table.filter(pa.array(bucket == number)))
        records, absorbed = [], 0
        for group in groups:
            tables = {name: pa.concat_tables(parts) for name, parts in group.items()}
            mapped = source.map(tables, release)
            assert mapped.records.schema.equals(RECORD_SCHEMA)
            assert mapped.ended.schema.equals(ENDED_SCHEMA)
            rows = sum(table.num_rows for table in tables.values())  # of this bucket, or of this split
            assert rows == mapped.records.num_rows + mapped.ended.num_rows + mapped.absorbed
            records += mapped.records.to_pylist()
            ended.append(mapped.ended)
            absorbed += mapped.absorbed
        result = Read(release, plan, records, [row for table in ended for row in table.to_pylist()], absorbed)
        assert result.rows == len(result.records) + len(result.ended) + absorbed
        assert all(json.loads(row["evidence"]) for row in result.ended)
        return result

    return read


@pytest.fixture
def data() -> Path:
    folder = Path(__file__).parents[3] / "../shared/data/sources"
    if not folder.exists():
        pytest.skip("the folder of real input files is not beside this repository")
    return folder.resolve()
