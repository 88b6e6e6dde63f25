"""Which interpreter can run an oracle: this one, one of `make oracles`, or one that BIOMILL_ORACLES names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "out" / "oracles"
ENVIRONMENTS = {"trainers": FOLDER, "croissant": FOLDER / "croissant", "learning": FOLDER / "learning"}
"""Where `make oracles` makes the environments, by the names of their lists of packages."""


@cache
def _has(python: str, requirement: str) -> bool:
    code = (
        "import importlib.util, sys; from importlib.metadata import version\n"
        "name, _, wanted = sys.argv[1].partition('==')\n"
        "found = importlib.util.find_spec(name) and (not wanted or version(name).startswith(wanted))\n"
        "sys.exit(0 if found else 1)"
    )
    return subprocess.run([python, "-c", code, requirement], capture_output=True).returncode == 0


def interpreter(*needs: str) -> str:
    """Return the first interpreter that has the packages; skip the test where there is none."""
    named = [each for each in os.environ.get("BIOMILL_ORACLES", "").split(os.pathsep) if each]
    made = [str(each / "bin" / "python") for each in ENVIRONMENTS.values() if (each / "ready").is_file()]
    for python in [sys.executable, *named, *made]:
        if all(_has(python, need) for need in needs):
            return python
    pytest.skip(f"no interpreter has {', '.join(needs)}: run `make oracles`, or name one in BIOMILL_ORACLES")


@cache
def surroundings(python: str) -> Mapping[str, str]:
    """Return the environment variables for an interpreter: its commands first, this tree importable, no network."""
    path = [str(ROOT), str(Path(__file__).with_name("startup"))]
    code = "import importlib.util, sys\nif importlib.util.find_spec('torchvision'): import torchvision"
    mend = "1" if subprocess.run([python, "-c", code], capture_output=True).returncode else ""
    commands = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": commands, "MEND_TORCHVISION": mend}
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(path)}


def run(script: str, *arguments: str, needs: tuple[str, ...]) -> str:
    """Run a script of this folder where its modules are, and give what it prints; skip the test where they are not."""
    return ran([str(Path(__file__).with_name(script)), *arguments], needs).strip().splitlines()[-1]


def ran(words: list[str], needs: tuple[str, ...], timeout: float = 300) -> str:
    """Run the interpreter that has the modules with these words, and give all that it prints."""
    python = interpreter(*needs)
    done = subprocess.run(
        [python, *words], capture_output=True, text=True, env=surroundings(python), timeout=timeout
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
