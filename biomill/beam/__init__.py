"""Biomill's transforms for Apache Beam pipelines: releases into record batches, names into taxa, addresses into images,
images into shards.

    import apache_beam as beam
    from biomill.beam import ReadRelease, ResolveNames

    with beam.Pipeline() as pipeline:
        read = pipeline | ReadRelease("gbif-dwca", "0012345-260101000000000.zip")
        resolved = read.records | ResolveNames("taxonomy/")
        ...  # `resolved` and `read.ended` are PCollections of pyarrow.RecordBatch

Elements are `pyarrow.RecordBatch`, for which importing this package registers a coder. Every transform counts what it
did in Beam's metrics, under the namespace "biomill". Importing `biomill` does not import this package, nor Beam.
"""

from __future__ import annotations

from biomill.siblings import check_siblings

check_siblings()  # before anything of them is imported

from biomill.beam.batches import RecordBatchCoder
from biomill.beam.counters import NAMESPACE
from biomill.beam.fetch_media import FETCHED_FIELDS, FetchMedia, fetched_schema
from biomill.beam.read_release import ReadRelease, ReleaseRows
from biomill.beam.resolve_names import ResolveNames, resolved_schema
from biomill.beam.write_shards import SHARD_SCHEMA, WriteShards
from pipeline.model.records import ENDED_SCHEMA, RECORD_SCHEMA
from taxonomy import RESOLVED_SCHEMA, Policy

__all__ = [
    "ENDED_SCHEMA",
    "FETCHED_FIELDS",
    "NAMESPACE",
    "RECORD_SCHEMA",
    "RESOLVED_SCHEMA",
    "SHARD_SCHEMA",
    "FetchMedia",
    "Policy",
    "ReadRelease",
    "RecordBatchCoder",
    "ReleaseRows",
    "ResolveNames",
    "WriteShards",
    "fetched_schema",
    "resolved_schema",
]
