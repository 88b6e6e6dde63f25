"""What is asked for before PyTorch is loaded."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from pipeline.model.errors import MissingExtraError
from pipeline.train.need import need_torch

ASK = "import os; from pipeline.train.need import need_torch; need_torch('train'); print(os.environ['OMP_WAIT_POLICY'])"


def test_without_pytorch_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        need_torch("train")
    assert str(caught.value) == "`biomill train` needs PyTorch: pip install 'biomill[train]'"


@pytest.mark.parametrize(("said", "kept"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_their_user_says_otherwise(
    said: dict[str, str], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, of the extra train")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == kept
