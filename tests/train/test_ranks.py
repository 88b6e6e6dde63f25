"""Processes, parts of a batch and workers change nothing but speed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.train.running import command, equal, farthest, python, tensors, torchrun, trained

RANKS = str(Path(__file__).with_name("ranks.py"))


@pytest.mark.parametrize("mix", ["batch", "sample"])
def test_the_gradient_of_two_processes_is_that_of_one(drawn: Path, tmp_path: Path, mix: str) -> None:
    python([RANKS, str(drawn), str(tmp_path), mix])
    torchrun(2, RANKS, str(drawn), str(tmp_path), mix)
    one = torch.load(tmp_path / "1-0.pt", weights_only=True)
    two = [torch.load(tmp_path / f"2-{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert two[0]["keys"] + two[1]["keys"] == one["keys"]
    assert torch.equal(two[0]["gradient"], two[1]["gradient"])
    assert float(abs(two[0]["loss"] - one["loss"])) < 1e-5
    apart = (two[0]["gradient"] - one["gradient"]).norm() / one["gradient"].norm()
    assert float(apart) < 1e-5
    assert float(one["gradient"].norm()) > 0.1


# AdamW's step is as long for a gradient of rounding as for any other: the rate bounds what rounding comes to, and this
# is BioCLIP's.
RATE = 1e-4


def test_one_and_two_processes_end_at_the_same_weights(drawn: Path, tmp_path: Path) -> None:
    python(command(drawn, tmp_path / "one", batch=64, rate=RATE))
    torchrun(2, *command(drawn, tmp_path / "two", batch=64, rate=RATE))
    assert farthest(tensors(tmp_path / "one"), tensors(tmp_path / "two")) < 1e-6


def test_two_processes_go_on_with_what_one_began(drawn: Path, tmp_path: Path) -> None:
    python(command(drawn, tmp_path / "one", batch=64, rate=RATE))
    python(command(drawn, tmp_path / "both", "--until", "4", batch=64, rate=RATE))
    torchrun(2, *command(drawn, tmp_path / "both", batch=64, rate=RATE))
    assert farthest(tensors(tmp_path / "one"), tensors(tmp_path / "both")) < 1e-6


def test_workers_change_nothing(drawn: Path, tmp_path: Path) -> None:
    for workers in (0, 1, 2):
        trained(drawn, tmp_path / str(workers), workers=workers)
    assert equal(tensors(tmp_path / "0"), tensors(tmp_path / "1"))
    assert equal(tensors(tmp_path / "0"), tensors(tmp_path / "2"))


@pytest.mark.parametrize("objective", ["contrast", "classify"])
def test_parts_of_a_batch_change_nothing(drawn: Path, tmp_path: Path, objective: str) -> None:
    trained(drawn, tmp_path / "whole", objective=objective)
    trained(drawn, tmp_path / "parts", objective=objective, accumulation=8)
    assert farthest(tensors(tmp_path / "whole"), tensors(tmp_path / "parts")) < 2e-6


def test_activations_that_are_computed_again_change_nothing(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path / "held")
    trained(drawn, tmp_path / "again", checkpointing=True)
    assert farthest(tensors(tmp_path / "held"), tensors(tmp_path / "again")) < 1e-6


def test_a_batch_that_cannot_be_cut_is_refused(drawn: Path, tmp_path: Path) -> None:
    said = python(command(drawn, tmp_path, batch=30, accumulation=4), status=1).stderr
    assert "a batch of 30 cannot be cut for 1 processes of 4 parts" in said
