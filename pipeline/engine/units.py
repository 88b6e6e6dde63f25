"""The Beam graph that most stages share: numbers of units out, one function each, files as the result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.engine.counted import count
from pipeline.engine.fence import fenced
from pipeline.engine.unit_file import count_units, read_unit

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.engine.failures import Report


_SHARES = 64
"""Elements that a graph begins with on Dask: its runner spreads those over workers, and nothing that comes of them."""


@dataclass(frozen=True)
class RunUnits:
    """A graph that applies `work` to every unit of a file, spread over the workers; see `Executor.follow`.

    It holds the file's name alone, so it has one size for any number of units: runners take graphs of some megabytes.
    """

    label: str
    units: str
    """Path of the file, which all workers see (`pipeline.engine.unit_file`)."""
    work: Callable[[Any], object]
    remote: bool = False
    """Whether workers may outlive the driver, and have to see that it is gone."""

    def __call__(self, pipeline: beam.Pipeline, report: Report) -> None:
        """Wire the units' numbers, counted where the graph runs, to the work."""
        import apache_beam as beam

        (
            pipeline
            | f"{self.label}/units" >> (beam.Create(range(_SHARES)) if _is_dask(pipeline) else beam.Impulse())
            | f"{self.label}/numbers" >> beam.FlatMap(_Numbers(self.units)).with_output_types(int)
            | f"{self.label}/spread" >> beam.Reshuffle()
            | f"{self.label}/work" >> beam.Map(_Work(self.units, report.on_unit(self.work), self.remote))
        )


@dataclass(frozen=True)
class _Numbers:
    units: str

    def __call__(self, share: int | bytes) -> range:
        count = count_units(self.units)
        return range(share, count, _SHARES) if isinstance(share, int) else range(count)


@dataclass(frozen=True)
class _Work:
    """Work on a unit by its number; what the work fails of names the unit itself."""

    units: str
    work: Callable[[Any], object]
    remote: bool

    def __call__(self, number: int) -> None:
        with fenced(self.units) if self.remote else nullcontext():
            counts = self.work(read_unit(self.units, number))
        count(counts)


def _is_dask(pipeline: beam.Pipeline) -> bool:
    return type(pipeline.runner).__name__ == "DaskRunner"
