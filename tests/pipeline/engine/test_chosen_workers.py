"""Without `--workers` a stage gets as many workers as its work pays for, and what it writes does not depend on it."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.commands import engine as arguments
from pipeline.commands.cli import main
from pipeline.engine.chosen import workers_for
from pipeline.engine.engine import Engine
from pipeline.engine.options import EngineOptions


@dataclass(frozen=True)
class Pid:
    """Write which process works on the unit."""

    folder: str

    def __call__(self, unit: int) -> None:
        (Path(self.folder) / f"{unit}").write_text(str(os.getpid()))


def pids(folder: Path) -> set[int]:
    return {int(path.read_text()) for path in folder.iterdir() if path.name.isdigit()}


def test_workers_follow_from_the_work_and_never_exceed_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [workers_for(seconds, 8) for seconds in (0.0, 9.0, 19.9, 1e9)][:3] == [1, 1, 1]
    monkeypatch.setattr("psutil.virtual_memory", lambda: argparse.Namespace(available=5 << 30))
    assert [workers_for(seconds, 8) for seconds in (25.0, 1e9)] == [2, 5]
    assert workers_for(1e9, 3) == 3
    monkeypatch.setattr("psutil.virtual_memory", lambda: argparse.Namespace(available=100))
    assert workers_for(1e9, 8) == 1


def test_a_stage_with_little_work_starts_no_process_and_one_with_much_does(tmp_path: Path) -> None:
    said: list[str] = []
    with Engine(EngineOptions(workers=2, auto=True), said.append) as engine:
        engine.expect("little", 1.0)
        assert engine.sharing == 1
        engine.run_units("little", range(4), Pid(str(tmp_path)), tmp_path)
        assert pids(tmp_path) == {os.getpid()} and said == []
        engine.expect("much", 1e9)
        assert engine.sharing == 2
        engine.run_units("much", range(4), Pid(str(tmp_path)), tmp_path)
        assert os.getpid() not in pids(tmp_path)
        assert said == ["much: 2 worker processes, as its work pays for them"]


@pytest.mark.parametrize("options", [EngineOptions(workers=2), EngineOptions("SomeRunner", workers=2, auto=True)])
def test_a_number_that_was_typed_is_obeyed_and_other_runners_choose_by_themselves(options: EngineOptions) -> None:
    engine = Engine(options, lambda line: pytest.fail(line))
    engine.expect("much", 1e9)
    assert engine.sharing == (2 if options.runner == "local" else 0)


def test_the_words_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    arguments.add_engine_options(parser)
    cores = arguments.workers_of(0)
    for words, workers, auto in (([], cores, True), (["--workers", "2"], 2, False), (["--workers=0"], cores, False)):
        options = arguments.engine_options(parser.parse_args(words))
        assert (options.workers, options.auto) == (workers, auto)
    with pytest.raises(SystemExit):
        main(["demo", "-o", "nowhere", "--workers", "some"])
    assert "no whole number" in capsys.readouterr().err
