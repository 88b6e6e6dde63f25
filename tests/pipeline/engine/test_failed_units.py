"""A unit that fails ends no other, and is named at the end; what would end every unit ends the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.engine.engine import Engine
from pipeline.engine.options import EngineOptions
from pipeline.model.errors import NetworkLostError, SourceError, StorageError, UnitsFailedError


@dataclass(frozen=True, slots=True)
class Touch:
    """Touch a file named after the unit; some units fail."""

    folder: str
    failing: frozenset[int]
    kind: str = "KeyError"

    def __call__(self, unit: int) -> None:
        if unit in self.failing:
            raise {
                "KeyError": KeyError(f"unit {unit}"),
                "source": SourceError("the split is damaged", where=f"a.txt, split {unit}", remedy="fetch it again"),
                "storage": StorageError("no space left"),
                "network": NetworkLostError("the network is lost"),
            }[self.kind]
        (Path(self.folder) / str(unit)).touch()


def touched(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


@pytest.mark.parametrize("workers", [1, 2])
def test_all_other_units_are_done_and_the_failed_ones_counted(tmp_path: Path, workers: int) -> None:
    with Engine(EngineOptions(workers=workers)) as engine:
        with pytest.raises(UnitsFailedError, match=r"KeyError: 'unit 3'|KeyError: 'unit 11'") as caught:
            engine.run_units("odd", range(40), Touch(str(tmp_path), frozenset({3, 11})), tmp_path)
        assert "2 of 40 work units; the others are done" in caught.value.what
        assert "finished work units are kept" in caught.value.remedy
        assert touched(tmp_path) == set(range(40)) - {3, 11}
        engine.run_units("odd", [3, 11], Touch(str(tmp_path), frozenset()), tmp_path)
    assert touched(tmp_path) == set(range(40))


def test_an_error_of_ours_keeps_its_words(tmp_path: Path) -> None:
    with Engine() as engine, pytest.raises(UnitsFailedError) as caught:
        engine.run_units("read", range(4), Touch(str(tmp_path), frozenset({2}), "source"), tmp_path)
    assert caught.value.what.startswith("the split is damaged") and caught.value.remedy == "fetch it again"
    assert caught.value.where == "a.txt, split 2"
    assert touched(tmp_path) == {0, 1, 3}


@pytest.mark.parametrize(("kind", "error"), [("storage", StorageError), ("network", NetworkLostError)])
def test_what_would_end_every_unit_ends_the_pipeline(tmp_path: Path, kind: str, error: type[Exception]) -> None:
    with Engine() as engine, pytest.raises(error):
        engine.run_units("all", range(200), Touch(str(tmp_path), frozenset(range(200)), kind), tmp_path)
    assert touched(tmp_path) == set()


def test_where_unit_after_unit_fails_the_rest_is_not_tried(tmp_path: Path) -> None:
    with Engine() as engine, pytest.raises(Exception, match="KeyError"):
        engine.run_units("all", range(500), Touch(str(tmp_path), frozenset(range(500))), tmp_path)
    assert touched(tmp_path) == set(), "nothing is left of what was told of failures"
