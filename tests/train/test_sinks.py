"""The log in TensorBoard and Weights & Biases, read by their own readers: each step once, and no weight changed."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.errors import MissingExtraError, UsageError
from pipeline.storage.places import place
from pipeline.train import Settings
from pipeline.train.fitting.sinks import open_sinks
from pipeline.train.journal import read_journal
from tests.train.running import command, equal, python, tensors, trained

SMALL: dict[str, Any] = {"batch": 8, "text": ["sci", "taxon"]}


def there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not there(name), reason=f"{name} is not installed: pip install 'biomill[{name}]'")


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_log_whose_package_lacks_is_named_before_anything_is_done(drawn: Path, tmp_path: Path, name: str) -> None:
    if there(name):
        pytest.skip(f"{name} is installed")
    with pytest.raises(MissingExtraError, match=f"names {name}, whose package is not installed") as caught:
        trained(drawn, tmp_path / "out", journals=[name], **SMALL)
    assert f"pip install 'biomill[{name}]'" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_other_logs_are_refused(drawn: Path, tmp_path: Path) -> None:
    said = python(command(drawn, tmp_path, journals=["tensorbord"]), status=2).stderr
    assert "write 'tensorboard'" in said


def test_an_address_has_no_such_log() -> None:
    with pytest.raises(UsageError, match="written to an address"):
        open_sinks(place("memory://b/run"), Settings(journals=("tensorboard",)), [])
    assert open_sinks(place("memory://b/run"), Settings(), []) == []


def stopped(drawn: Path, out: Path, **changes: Any) -> None:
    """Train as a run that was killed behind its fourth step and noted two steps more goes on."""
    trained(drawn, out, until=6, **SMALL, **changes)
    (out / "checkpoints" / "step-00000006.pt").unlink()
    trained(drawn, out, **SMALL, **changes)


@needs("tensorboard")
def test_tensorboard_has_every_step_once(drawn: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    trained(drawn, tmp_path / "plain", **SMALL)
    stopped(drawn, tmp_path / "told", journals=["tensorboard"])
    assert equal(tensors(tmp_path / "plain"), tensors(tmp_path / "told"))
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted((tmp_path / "told" / "tensorboard").iterdir()):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, float(value.tensor.float_val[0])))
    lines = read_journal(tmp_path / "told")
    for name in ("loss", "excess", "rate", "gradient", "scale"):
        assert [step for step, _ in found[name]] == list(range(12))
        assert [value for _, value in found[name]] == pytest.approx([line[name] for line in lines], rel=1e-6)


@needs("tensorboard")
def test_a_log_that_is_asked_for_later_has_the_steps_before(drawn: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained(drawn, tmp_path, until=4, **SMALL)
    trained(drawn, tmp_path, journals=["tensorboard"], **SMALL)
    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert [event.step for event in read.Scalars("loss")] == list(range(12))


def records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a file of W&B: blocks of 32 KiB behind 7 bytes, as LevelDB keeps its log."""
    assert data.startswith(b":W&B")
    at, block, parts = 7, 1 << 15, b""
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or its last part
            yield parts
            parts = b""


@needs("wandb")
def test_weights_and_biases_hears_of_every_step_once(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    trained(drawn, tmp_path / "plain", **SMALL)
    stopped(drawn, tmp_path / "told", journals=["wandb"])
    assert equal(tensors(tmp_path / "plain"), tensors(tmp_path / "told"))
    losses: list[tuple[int, float]] = []
    ids = set()
    for path in sorted((tmp_path / "told" / "wandb").glob("offline-run-*/*.wandb")):
        for data in records(path.read_bytes()):
            record = Record()
            record.ParseFromString(data)
            if record.WhichOneof("record_type") == "run":
                ids.add(record.run.run_id)
            for item in record.history.item:
                if item.key == "loss" or list(item.nested_key) == ["loss"]:
                    losses.append((int(record.history.step.num), json.loads(item.value_json)))
    assert len(ids) == 1
    assert Counter(step for step, _ in losses) == Counter(range(12))
    expected = [line["loss"] for line in read_journal(tmp_path / "told")]
    assert [value for _, value in sorted(losses)] == pytest.approx(expected)
