"""The Beam graph that most stages share: descriptors out, one function each, files as the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.engine.failures import Report


@dataclass(frozen=True)
class RunUnits:
    """A graph that applies `work` to every unit, spread over the workers; see `Executor.follow`."""

    label: str
    units: Sequence[Any]
    work: Callable[[Any], object]

    def __call__(self, pipeline: beam.Pipeline, report: Report) -> None:
        """Wire descriptors to the work."""
        import apache_beam as beam

        (
            pipeline
            | f"{self.label}/units" >> beam.Create(list(self.units), reshuffle=False)
            | f"{self.label}/spread" >> beam.Reshuffle()
            | f"{self.label}/work" >> beam.Map(report.on(self.work))
        )
