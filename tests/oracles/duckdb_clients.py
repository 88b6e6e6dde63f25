"""Makes environments with older DuckDB clients, one each: `python -m tests.oracles.duckdb_clients [FOLDER]`.

Each is FOLDER/duckdb-VERSION (out/oracles by default) and holds nothing but DuckDB's own package. What is there is left
as it is; a version without a wheel for this Python is said, and left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "out" / "oracles"
VARIABLE = "BIOMILL_DUCKDB_CLIENTS"
VERSIONS = ("1.0.0", "1.1.3", "1.3.2", "1.5.6")
"""The first that is promised, the first of the next series, one in the middle, and the last of 1.x."""


def python_of(environment: Path) -> Path:
    """Return the interpreter of an environment."""
    return environment / ("Scripts" if os.name == "nt" else "bin") / "python"


def clients(folder: Path = FOLDER) -> Iterator[Path]:
    """Yield the interpreters that are there; `BIOMILL_DUCKDB_CLIENTS` names others (a list like PATH)."""
    named = [Path(each) for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    yield from named or (python for v in VERSIONS if (python := python_of(folder / f"duckdb-{v}")).exists())


def make(folder: Path = FOLDER) -> Iterator[str]:
    """Make what is missing; yield a line for each version."""
    for version in VERSIONS:
        environment = folder / f"duckdb-{version}"
        python = python_of(environment)
        if not python.exists():
            venv.EnvBuilder(with_pip=True, clear=True).create(environment)
            done = subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
                 f"duckdb=={version}"],
                capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                python.unlink()  # so that the next call tries again
                yield f"duckdb {version}: not to be had for this Python: {done.stderr.strip().splitlines()[-1:]}"
                continue
        yield f"duckdb {version}: {environment}"


if __name__ == "__main__":
    for line in make(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(line)
