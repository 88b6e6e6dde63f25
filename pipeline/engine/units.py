"""The Beam graph that most stages share: descriptors out, one function each, files as the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam


# Beam writes the label and the pipeline onto a transform when it is applied, so it cannot be frozen; what travels to
# the workers (the units and the function) is.
@dataclass(eq=False)
class RunUnits(beam.PTransform[beam.pvalue.PBegin, beam.pvalue.PCollection[None]]):
    """Apply `work` to every unit, spread over the workers.

    `units` are small picklable descriptors; `work` is a frozen dataclass with `__call__`, which reads its input from
    files and writes its output as atomically renamed files, so that a retried bundle writes the same bytes again.
    """

    units: Sequence[Any]
    work: Callable[[Any], None]

    def expand(self, begin: beam.pvalue.PBegin) -> beam.pvalue.PCollection[None]:
        """Wire descriptors to the work."""
        done: beam.pvalue.PCollection[None] = (
            begin
            | "units" >> beam.Create(list(self.units), reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "work" >> beam.Map(self.work)
        )
        return done
