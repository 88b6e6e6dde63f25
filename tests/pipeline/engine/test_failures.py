"""How a unit failed is told once by a file and once by a word, and each alone is enough."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path

import pytest

from pipeline.engine.failures import Report, UnitFailedError
from pipeline.model.errors import NetworkLostError, PipelineError, StorageError
from pipeline.storage.files.atomic import sweep

ERROR = StorageError('cannot "write":\nno space', where="Größe 蝶", expected="room", remedy="l'autre\\n")


def fail(unit: object) -> None:
    raise ERROR


def fields(error: BaseException | None) -> tuple[object, ...]:
    assert isinstance(error, StorageError)
    return type(error), error.what, error.where, error.expected, error.remedy


def failure(report: Report, unit: object = "unit 7") -> str:
    with pytest.raises(UnitFailedError) as caught:
        report.on(fail)(unit)
    return str(caught.value)


def test_a_word_is_enough_however_it_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = Report("fetch", str(tmp_path / "file"))  # no folder, so nothing can be written
    said = failure(report)
    assert not report.files()
    for quoted in (said, repr(said), json.dumps(repr(said)), repr(said.encode()), f"{said}\n\n{said} [while running]"):
        found = report.explain(f"Traceback\nRuntimeError: {quoted}")
        assert fields(found) == fields(ERROR)
        assert found is not None
        assert found.__notes__ == ["stage 'fetch', work unit 'unit 7'"]


def test_a_file_is_enough_where_the_word_is_cut_off(tmp_path: Path) -> None:
    report = Report("fetch", str(tmp_path))
    said = failure(report)
    assert fields(report.explain(said[: len(said) // 2])) == fields(ERROR)
    assert fields(pickle.loads(pickle.dumps(report)).explain("")) == fields(ERROR)
    report.clear()
    assert report.explain(said[:-2]) is None
    assert fields(report.explain(said)) == fields(ERROR)
    assert not list(tmp_path.iterdir())


def test_what_an_earlier_attempt_left_is_not_taken_and_a_sweep_removes_it(tmp_path: Path) -> None:
    failure(Report("fetch", str(tmp_path)))
    report = Report("fetch", str(tmp_path))
    assert report.explain("RuntimeError: of Beam") is None
    report.clear()
    assert len(list(tmp_path.iterdir())) == 1
    assert sweep(tmp_path) == 1


def test_a_file_that_is_no_json_is_passed_over(tmp_path: Path) -> None:
    report = Report("fetch", str(tmp_path))
    failure(report)
    report.files()[0].write_text("{")
    assert report.explain("") is None


def lose(_: object) -> None:
    raise NetworkLostError("the network is lost", where="a.org")


def test_of_several_failures_the_runners_own_is_raised_and_the_others_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("biomill"), "propagate", True)
    report = Report("fetch", str(tmp_path))
    for unit in range(3):
        failure(report, unit)
    with pytest.raises(UnitFailedError) as lost:
        report.on(lose)(3)
    found = report.explain(str(lost.value))
    assert isinstance(found, NetworkLostError)
    assert "work unit 3" in found.__notes__[0]
    assert found.__notes__[1:] == [f"another unit failed, too: {ERROR.what}"]
    # Where a command has run in this process, a handler of its own may have noted the line again.
    said = {record.getMessage() for record in caplog.records}
    assert said == {f"fetch: another work unit failed, too: {ERROR.what}"}


def stop(_: object) -> None:
    raise SystemExit(3)


def test_work_that_ends_its_process_tells_too(tmp_path: Path) -> None:
    report = Report("ingest", str(tmp_path))
    with pytest.raises(UnitFailedError) as stopped:
        report.on(stop)(5)
    found = report.explain(str(stopped.value))
    assert type(found) is PipelineError
    assert found.what == "stage 'ingest' failed: SystemExit: 3"


def test_work_that_does_not_fail_is_left_as_it_is(tmp_path: Path) -> None:
    report = Report("fetch", str(tmp_path))
    assert report.on(len)("four") == 4
    assert not list(tmp_path.iterdir())
