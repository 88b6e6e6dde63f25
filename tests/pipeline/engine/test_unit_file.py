"""The graph of a pipeline does not grow with its units, which stand in a file that goes with the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.engine.engine import Engine, EngineOptions
from pipeline.engine.failures import Report
from pipeline.engine.unit_file import count_units, read_unit, write_units
from pipeline.engine.units import RunUnits
from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import sweep

units = st.lists(st.one_of(st.integers(), st.text(), st.binary(), st.tuples(st.text(), st.none())), max_size=30)


@given(units)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_unit_is_read_as_it_was_written(tmp_path: Path, units: list[Any]) -> None:
    path = write_units(tmp_path, units)
    assert count_units(str(path)) == len(units)
    assert [read_unit(str(path), number) for number in reversed(range(len(units)))] == units[::-1]
    assert sweep(tmp_path) == 1


def serialised(folder: Path, number: int) -> int:
    """The bytes of the graph that a runner is sent for so many units."""
    path = write_units(folder, [f"unit-{place:09}" for place in range(number)])
    pipeline = beam.Pipeline()
    RunUnits("fetch", str(path), print)(pipeline, Report("fetch", str(folder)))
    path.unlink()
    return len(pipeline.to_runner_api().SerializeToString())


def test_the_graph_has_one_size_for_any_number_of_units(tmp_path: Path) -> None:
    sizes = {number: serialised(tmp_path, number) for number in (0, 10, 1_000, 1_000_000)}
    assert max(sizes.values()) < 20_000
    assert max(sizes.values()) - min(sizes.values()) < 64  # the random name of the file, packed


def test_the_file_goes_with_its_pipeline_however_that_ends(tmp_path: Path) -> None:
    with Engine() as engine:
        engine.run_units("touch", [tmp_path / "a"], Path.touch, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
        with pytest.raises(StorageError):
            engine.run_units("fail", [tmp_path / "a"], refuse, tmp_path)
        steps = engine.follow("touch", [tmp_path / "b"], Path.touch, tmp_path)
        next(steps)
        steps.close()
        assert not list(tmp_path.glob(".tmp-units-*"))


def refuse(unit: Path) -> None:
    raise StorageError("no", where=str(unit))


def test_units_that_cannot_be_written_are_told_with_their_folder(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("a file where the folder should be")
    with Engine(EngineOptions()) as engine, pytest.raises(StorageError, match="cannot write") as caught:
        engine.run_units("touch", [1], print, tmp_path / "none")
    assert str(tmp_path / "none") in caught.value.where
