"""Training in processes of its own, and what its checkpoints hold."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline.feed import Feed, Rules, View
from pipeline.storage.places import place
from pipeline.train import Settings
from pipeline.train.fitting import Trained, fit, process_group

ROOT = Path(__file__).parents[2]
SMALL: Mapping[str, Any] = {
    "batch": 32,
    "steps": 12,
    "warmup": 3,
    "checkpoint_every": 4,
    "text": ["taxon"],
    "keep": 9,
    "size": 24,
}


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def command(drawn: Path, out: Path, *words: str, **changes: Any) -> list[str]:
    """Return `biomill train` over a dataset, with small settings."""
    said = [f"{name}={str(value).replace(chr(39), chr(34))}" for name, value in {**SMALL, **changes}.items()]
    sets = [word for each in said for word in ("--set", each)]
    return ["-m", "biomill", "train", str(drawn), "-o", str(out), *sets, *words]


def python(words: Sequence[str], status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment(), timeout=300, cwd=ROOT
    )
    assert done.returncode == status, done.stderr[-3000:]
    return done


def torchrun(ranks: int, *words: str) -> str:
    """Run a module or script in so many processes, and give what it prints."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(ranks)]
    return python([*launch, *words]).stdout


def trained(drawn: Path, out: Path, until: int = 0, **changes: Any) -> Trained:
    """Train in this process."""
    settings = Settings.of({**SMALL, **changes})
    rules = Rules(settings.batch, settings.seed, split=settings.split, where=settings.where)
    with process_group("cpu") as group:
        return fit(Feed(drawn, rules, View(settings.size or 48)), place(out), settings, group, until, lambda _: None)


def tensors(out: Path, step: int = 12) -> dict[str, Any]:
    """Return all tensors of a checkpoint: the model's, its head's, and those of the optimiser."""
    state = torch.load(out / "checkpoints" / f"step-{step:08d}.pt", weights_only=True)
    found = {f"model {name}": tensor for name, tensor in state["state_dict"].items()}
    found |= {f"head {name}": tensor for name, tensor in state["head"].items()}
    for number, slots in state["optimizer"]["state"].items():
        found |= {f"optimiser {number} {slot}": tensor for slot, tensor in slots.items()}
    return found


def equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether all tensors are the same, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def farthest(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the largest difference of weights."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one if not name.startswith("optimiser"))
