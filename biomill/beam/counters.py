"""What the transforms count, in Beam's metrics."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

NAMESPACE = "biomill"
"""Namespace of every counter."""


def add(name: str, number: int) -> None:
    """Add to a counter; one that nothing is added to does not come into being.

    Runners that report attempted counts count a retried bundle again; committed counts are exact.
    """
    if number:
        Metrics.counter(NAMESPACE, name).inc(number)


def add_by_value(column: pa.ChunkedArray) -> None:
    """Add the rows of every distinct value of a string column to the counter of that name."""
    for each in pc.value_counts(column).to_pylist():
        add(each["values"], each["counts"])
