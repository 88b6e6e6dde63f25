"""Tests of what needs PyTorch, the extra `train`: `make test-train` installs it, and nothing is collected without."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.train.drawn import write_dataset

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["*.py"]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("drawn") / "shards")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums are of one order then, whatever else the machine does."""
    import torch

    torch.set_num_threads(1)
