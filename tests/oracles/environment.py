"""Which interpreter can run an oracle: this one, or one of those that BIOMILL_ORACLES names (PATH-like list)."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def _has(python: str, requirement: str) -> bool:
    code = (
        "import importlib.util, sys; from importlib.metadata import version\n"
        "name, _, wanted = sys.argv[1].partition('==')\n"
        "found = importlib.util.find_spec(name) and (not wanted or version(name).startswith(wanted))\n"
        "sys.exit(0 if found else 1)"
    )
    return subprocess.run([python, "-c", code, requirement], capture_output=True).returncode == 0


def run(script: str, *arguments: str, needs: tuple[str, ...]) -> str:
    """Run a script of this folder where its modules are, and give what it prints; skip the test where they are not."""
    named = [each for each in os.environ.get("BIOMILL_ORACLES", "").split(os.pathsep) if each]
    for python in [sys.executable, *named]:
        if all(_has(python, requirement) for requirement in needs):
            break
    else:
        pytest.skip(f"no interpreter has {', '.join(needs)}; name one in BIOMILL_ORACLES")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [python, str(Path(__file__).with_name(script)), *arguments],
        capture_output=True, text=True, env=env, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]
