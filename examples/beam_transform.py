"""Read two releases with Beam, resolve their names, count match types per source, and write Parquet.

    python examples/beam_transform.py out/demo/corpus out/demo/run/taxonomy out/beam

CORPUS holds what `biomill demo` draws; any other release is read alike. More arguments go to Beam, such as
`--runner=FlinkRunner`, or `--direct_num_workers=2 --direct_running_mode=multi_processing`.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa

from biomill.beam import ENDED_SCHEMA, ReadRelease, ResolveNames, resolved_schema


def count(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield ((source, match type), rows) of a batch: few small elements go through the shuffle, never its rows."""
    pairs = zip(batch["source"].to_pylist(), batch["match_type"].to_pylist(), strict=True)
    yield from Counter(pairs).items()


def table(batch: pa.RecordBatch) -> pa.Table:
    """Return a batch as Beam's Parquet sink takes it."""
    return pa.Table.from_batches([batch])


def main() -> None:
    """Run the pipeline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpus", "taxonomy", "out"):
        parser.add_argument(name, type=Path)
    args, beam_arguments = parser.parse_known_args()
    (archive,) = (args.corpus / "gbif").glob("*.zip")
    hierarchy = args.corpus / "eol" / "dynamic_hierarchy.zip"
    with beam.Pipeline(argv=beam_arguments) as pipeline:
        gbif = pipeline | ReadRelease("gbif-dwca", archive, name="gbif")
        eol = pipeline | ReadRelease("eol", args.corpus / "eol" / "media_manifest.tgz", hierarchy=hierarchy)
        resolved = (gbif.records, eol.records) | beam.Flatten() | ResolveNames(args.taxonomy)
        ended = (gbif.ended, eol.ended) | "ended" >> beam.Flatten()
        for name, batches, schema in (("resolved", resolved, resolved_schema()), ("ended", ended, ENDED_SCHEMA)):
            sink = beam.io.WriteToParquetBatched(str(args.out / name), schema, file_name_suffix=".parquet")
            batches | f"{name} tables" >> beam.Map(table) | f"write {name}" >> sink
        counts = resolved | beam.FlatMap(count) | beam.CombinePerKey(sum)
        lines = counts | beam.MapTuple(lambda pair, rows: f"{pair[0]},{pair[1]},{rows}")
        lines | beam.io.WriteToText(
            str(args.out / "match_types"), ".csv", header="source,match_type,rows", num_shards=1
        )


if __name__ == "__main__":
    main()
