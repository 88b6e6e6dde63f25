"""`ResolveNames`: batches with names become batches with their taxa beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.display import DisplayDataItem

from biomill.beam.batches import batches_of
from biomill.beam.counters import add, add_by_value
from pipeline.model.records import NAME_COLUMNS, RECORD_SCHEMA
from pipeline.stages.shared_index import shared_index
from taxonomy import Policy, Taxonomy, TaxonomyError
from taxonomy.match.questions import INPUT_COLUMNS
from taxonomy.match.resolving import answered_schema, resolve_beside

_NAME = "scientific_name"


def resolved_schema(schema: pa.Schema = RECORD_SCHEMA) -> pa.Schema:
    """Return the schema of the batches that `ResolveNames` makes of batches of a schema.

    Raises TaxonomyError when two of its columns would have the same name.

    >>> resolved_schema(pa.schema({"scientific_name": pa.string(), "family": pa.string()})).names[:3]
    ['scientific_name', 'given_family', 'canonical_name']
    """
    answered = answered_schema(schema)
    twice = sorted({name for name in answered.names if answered.names.count(name) > 1})
    if twice:
        raise TaxonomyError(
            f"two columns would be named {twice[0]!r}",
            where="columns: " + ", ".join(schema.names),
            expected="columns that keep names of their own beside the answer's",
            remedy="drop or rename what an earlier resolution added",
        )
    return answered


class _Resolve(beam.DoFn):
    """Resolves the names of a batch."""

    def __init__(self, taxonomy: str, policy: Policy, columns: Mapping[str, str]) -> None:
        self.taxonomy, self.policy, self.columns = taxonomy, policy, dict(columns)
        self._index: Taxonomy | None = None

    def setup(self) -> None:
        """Open the index; the threads and transforms of a process share one."""
        self._index = shared_index(self.taxonomy, self.policy)

    def __getstate__(self) -> dict[str, Any]:
        # Maps of files do not travel; the worker opens its own.
        return {**self.__dict__, "_index": None}

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        index = self._index or shared_index(self.taxonomy, self.policy)
        resolved_schema(batch.schema)
        answered = resolve_beside(index, pa.Table.from_batches([batch]), self._columns(batch.schema.names))
        unresolved = answered.column("accepted_id").null_count
        add("resolved", answered.num_rows - unresolved)
        add("unresolved", unresolved)
        add_by_value(answered.column("match_type"))
        yield from batches_of(answered)

    def _columns(self, names: list[str]) -> dict[str, str]:
        found = self.columns or {name: name for name in NAME_COLUMNS if name in names}
        needed = {_NAME: _NAME, **found}
        absent = [column for column in needed.values() if column not in names]
        if absent:
            raise TaxonomyError(
                f"the batches have no column {absent[0]!r}",
                where="columns: " + ", ".join(names),
                expected="batches with the columns " + ", ".join(needed.values()),
                remedy="rename the column, or name it: ResolveNames(..., columns={'scientific_name': 'my_column'})",
            )
        return found


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class ResolveNames(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[pa.RecordBatch]]):
    """Resolve the names of record batches: `batches | ResolveNames(taxonomy)` gives batches of the same rows.

    `taxonomy`: the folder of an index that `taxonomy.build_taxonomy` or `biomill taxonomy build` made; every worker
    must see it, opens it once per process, and maps it into memory. `policy`: which matches are good enough.
    `columns`: which columns of the batches hold what `taxonomy.resolve` asks for, such as
    `{"scientific_name": "label", "family": "family"}`; not given: the name columns of canonical records, by their own
    names (scientific_name, and where present name_authorship, rank_verbatim and the hints kingdom to genus).

    A batch gives one batch of `resolved_schema(batch.schema)`: the same rows in the same order, their own columns
    first, then those of RESOLVED_SCHEMA without name_id and scientific_name. A column of the input that has the name of
    one of these gets 'given_' before its own: `given_family` is what the source says, `family` what the taxonomy says.
    A name that is not found is a row with match_type NONE and no accepted_id, never lost; empty batches are dropped.

    Raises TaxonomyError when the folder is no whole index, or `columns` asks for what there is not, both when the
    transform is made; and while running, when a batch lacks a named column.

    Counters: resolved and unresolved (rows with and without an accepted taxon), and one per match type.
    """

    def __init__(
        self,
        taxonomy: str | os.PathLike[str],
        policy: Policy | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.taxonomy, self.policy = str(Path(taxonomy).absolute()), policy or Policy()
        self.columns = dict(columns or {})
        unknown = sorted(set(self.columns) - set(INPUT_COLUMNS[1:]))
        if unknown or (self.columns and _NAME not in self.columns):
            raise TaxonomyError(
                f"names are not resolved from {unknown[0]!r}" if unknown else f"no column is named for {_NAME!r}",
                where="ResolveNames, columns",
                expected=f"{_NAME!r}, and perhaps " + ", ".join(n for n in INPUT_COLUMNS[1:] if n != _NAME),
            )
        # Opened and let go: what is wrong with it is said here, not by a worker.
        self.build_id = Taxonomy.open(self.taxonomy, policy=self.policy).build_id

    def expand(self, batches: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[pa.RecordBatch]:
        """Wire the batches to their names."""
        work = beam.ParDo(_Resolve(self.taxonomy, self.policy, self.columns)).with_output_types(pa.RecordBatch)
        resolved: beam.PCollection[pa.RecordBatch] = batches | "resolve" >> work
        return resolved

    def display_data(self) -> dict[str, Any]:
        """Return what a runner's page shows of the transform."""
        shown = {
            "taxonomy": (self.taxonomy, "Index of the taxonomy"),
            "taxonomy_build": (self.build_id, "Build of the taxonomy and the policy"),
            "minimum_confidence": (self.policy.minimum_confidence, "Least confidence of a match"),
            "fuzzy": (self.policy.fuzzy, "Whether misspelt names match"),
        }
        return {key: DisplayDataItem(value, label=label) for key, (value, label) in shown.items()}
