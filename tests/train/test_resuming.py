"""A run goes on where it stopped, bit for bit, however it was stopped, and refuses what it was not begun with."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.model.errors import FeedError, RunError
from pipeline.train.journal import read_journal
from tests.train.running import ROOT, command, environment, equal, python, tensors, trained

KINDS: list[dict[str, Any]] = [
    {},
    {"text": ["sci", "taxon", "com"]},
    {"text": ["sci", "taxon"], "mix": "sample", "sampler": "uniform"},
    {"objective": "classify", "head": "hierarchical"},
    {"accumulation": 4, "checkpointing": True},
    {"precision": "bf16"},
]
NAMES = ["one text", "a text a batch", "a text a sample", "classes", "in parts", "bf16"]


@pytest.fixture(scope="module")
def whole(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped, of a process of its own, as those that are killed are."""
    out = tmp_path_factory.mktemp("whole") / "out"
    python(command(drawn, out, steps=40))
    return out


@pytest.mark.parametrize("changes", KINDS, ids=NAMES)
def test_six_and_six_steps_are_twelve_bit_for_bit(drawn: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    trained(drawn, tmp_path / "whole", **changes)
    assert trained(drawn, tmp_path / "parts", until=6, **changes).step == 6
    assert trained(drawn, tmp_path / "parts", **changes).step == 12
    assert equal(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))
    losses = [[line["loss"] for line in read_journal(tmp_path / each)] for each in ("whole", "parts")]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 12


def test_twenty_and_twenty_steps_are_forty(drawn: Path, tmp_path: Path, whole: Path) -> None:
    python(command(drawn, tmp_path / "out", "--until", "20", steps=40))
    python(command(drawn, tmp_path / "out", steps=40, workers=1))
    assert equal(tensors(whole, 40), tensors(tmp_path / "out", 40))


@pytest.mark.parametrize("moment", ["in a step", "in a checkpoint"])
def test_a_killed_run_goes_on_to_the_same_weights(drawn: Path, tmp_path: Path, whole: Path, moment: str) -> None:
    out, kills = tmp_path / "out", 0
    for _ in range(30):
        process = subprocess.Popen(
            [sys.executable, *command(drawn, out, steps=40)],
            env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        before = len(list(out.glob("checkpoints/step-*.pt")))
        while process.poll() is None:
            there = [path.name for path in out.glob("checkpoints/*")]
            writing = sum(name.startswith(".tmp-") for name in there)
            further = len(there) - writing > before + 1  # it has got on, so that it comes to its end some day
            if further and bool(writing) == (moment == "in a checkpoint"):
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.0005)
        process.wait()
        if process.returncode == 0:
            break
    assert kills >= 2, "nothing was killed"
    assert process.returncode == 0
    assert equal(tensors(whole, 40), tensors(out, 40))
    assert not list(out.rglob(".tmp-*")), "what a killed process had half written is removed"
    assert [line["step"] for line in read_journal(out)] == list(range(40))


def test_a_finished_run_does_nothing_more(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path)
    before = (tmp_path / "checkpoints" / "step-00000012.pt").stat().st_mtime_ns
    assert trained(drawn, tmp_path).images == 0
    assert (tmp_path / "checkpoints" / "step-00000012.pt").stat().st_mtime_ns == before


def test_only_the_newest_checkpoints_are_kept(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, keep=2)
    assert names(tmp_path) == ["step-00000008.pt", "step-00000012.pt"]


def test_other_settings_are_refused_by_name_and_free_ones_are_not(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, until=4)
    with pytest.raises(RunError, match=r"rate: 0\.001, here 0\.5") as caught:
        trained(drawn, tmp_path, rate=0.5)
    assert "name another folder" in caught.value.remedy
    trained(drawn, tmp_path, until=8, checkpoint_every=3, log_every=2, keep=1)


def test_changed_shards_are_refused(drawn: Path, tmp_path: Path) -> None:
    from tests.train.drawn import write_dataset

    trained(drawn, tmp_path / "out", until=4)
    with pytest.raises(FeedError, match="other data or other rules"):
        trained(write_dataset(tmp_path / "shards", seed=1), tmp_path / "out")


def test_a_missing_shard_is_named(drawn: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shutil.copytree(drawn, shards)
    gone = sorted(shards.glob("*.tar"))[1]
    gone.unlink()
    with pytest.raises(FeedError, match=gone.name):
        trained(shards, tmp_path / "out")


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, until=8)
    last = tmp_path / "checkpoints" / "step-00000008.pt"
    data = last.read_bytes()
    last.write_bytes(data[: len(data) // 2])
    with pytest.raises(FeedError, match="cannot be read") as caught:
        trained(drawn, tmp_path)
    assert str(last) in str(caught.value)
    last.unlink()
    assert trained(drawn, tmp_path).step == 12


def test_a_checkpoint_that_would_run_something_is_not_run(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, until=4)
    hostile = tmp_path / "checkpoints" / "step-00000008.pt"
    torch.save({"state_dict": _Hostile(str(tmp_path / "ran"))}, hostile)
    with pytest.raises(FeedError, match="cannot be read"):
        trained(drawn, tmp_path)
    assert not (tmp_path / "ran").exists()


def names(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "checkpoints").iterdir())


class _Hostile:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def test_a_disk_that_is_full_is_said_and_loses_nothing(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, until=4)
    limit = 1 << 20  # a file cannot grow beyond this, as on a full disk

    def starved() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, *command(drawn, tmp_path)],
        env=environment(), cwd=ROOT, capture_output=True, text=True, preexec_fn=starved, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == ["step-00000004.pt"]
    assert trained(drawn, tmp_path).step == 12


def test_a_loss_that_is_no_number_stops_the_run_and_names_its_batch(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="of step") as caught:
        trained(drawn, tmp_path, rate=1e30, clip=0.0, steps=40, warmup=0)
    (said,) = tmp_path.glob("refused-step-*-rank-0.json")
    keys = json.loads(said.read_text())["keys"]
    assert len(keys) == 32
    assert keys[0] in str(caught.value)
    kept = [torch.load(path, weights_only=True) for path in tmp_path.glob("checkpoints/*.pt")]
    assert all(tensor.isfinite().all() for state in kept for tensor in state["state_dict"].values())
