"""Records of a release and the taxa of their names, in a Beam pipeline of one's own.

`python examples/names_with_beam.py KIND RELEASE TAXONOMY OUT`: KIND as a recipe names it, such as gbif-dwca; TAXONOMY a
built one, such as the folder `taxonomy` of a run. Options of Beam (`--runner` …) may follow.
"""

import sys

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from biomill.beam import ReadRelease, ResolveNames

kind, release, taxonomy, out = sys.argv[1:5]


def counted(batch: pa.RecordBatch, *columns: str) -> list[tuple[tuple[str, ...], int]]:
    """Return how often the values of some columns stand beside each other in a batch."""
    groups = pa.Table.from_batches([batch]).group_by(list(columns)).aggregate([([], "count_all")])
    return [(tuple(str(row[name]) for name in columns), row["count_all"]) for row in groups.to_pylist()]


def line(element: tuple[tuple[str, ...], int]) -> str:
    """Return a count as a line of CSV."""
    values, rows = element
    return ",".join([*values, str(rows)])


with beam.Pipeline(options=PipelineOptions(sys.argv[5:])) as pipeline:
    # Batches of canonical records, and the rows that become none: nothing vanishes.
    read = pipeline | ReadRelease(kind, release)
    # The same rows with what their names mean beside them; the index is opened once a worker.
    resolved = read.records | ResolveNames(taxonomy)
    families = (
        resolved
        | "records of a batch" >> beam.FlatMap(counted, "family", "match_type")
        | "records" >> beam.CombinePerKey(sum)
    )
    ended = (
        read.ended
        | "ended rows of a batch" >> beam.FlatMap(counted, "outcome")
        | "ended rows" >> beam.CombinePerKey(sum)
    )
    # One small file each; the records themselves would be written by `beam.io.WriteToParquetBatched`.
    for name, counts in (("families", families), ("ended", ended)):
        lines = counts | f"{name} as text" >> beam.Map(line)
        lines | f"write {name}" >> beam.io.WriteToText(f"{out}/{name}", ".csv", shard_name_template="")
