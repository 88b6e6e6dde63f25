"""A user's own `pipeline/` or `taxonomy.py` in the place of ours: one sentence says so, by real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from biomill.siblings import ROOT, SIBLINGS, check_siblings

BIN = Path(sys.executable).parent
USE = "import biomill\nbiomill.open_run('nowhere')"
CAUGHT = """
try:
    import biomill
    biomill.resolve_names(["Puma concolor"])
except ImportError as error:
    print(type(error).__name__, error.name, error)
"""


def python(cwd: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


FOREIGN = ("manifests.py", "taxonomy.py", "dedup/__init__.py", "pipeline/__init__.py")


@pytest.fixture(params=FOREIGN)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / str(request.param)
    file.parent.mkdir(exist_ok=True)
    file.write_text("raise RuntimeError('somebody else')\n")
    return file


def shown(foreign: Path) -> Path:
    return foreign.parent if foreign.name == "__init__.py" else foreign


def test_the_command_names_what_shadows_ours_and_the_remedy(foreign: Path, tmp_path: Path) -> None:
    done = python(tmp_path, "-m", "biomill", "--version")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    name = shown(foreign).name.removesuffix(".py")
    assert line.startswith(f"biomill: {shown(foreign)} stands in the place of Biomill's package '{name}' (")
    assert "rename it, or start Python with -P" in line


def test_the_remedy_holds(foreign: Path, tmp_path: Path) -> None:
    assert foreign.exists()
    done = python(tmp_path, "-P", "-m", "biomill", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "biomill"), done.stderr


def test_the_first_use_of_the_api_says_the_same(foreign: Path, tmp_path: Path) -> None:
    """`import biomill` alone needs no other package, and nothing of the foreign one is run."""
    assert python(tmp_path, "-c", "import biomill").returncode == 0
    done = python(tmp_path, "-c", USE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"biomill.siblings.ShadowedError: {shown(foreign)} stands in")
    assert "somebody else" not in done.stderr
    caught = python(tmp_path, "-c", CAUGHT)
    name = shown(foreign).name.removesuffix(".py")
    assert caught.stdout.startswith(f"ShadowedError {name} {shown(foreign)} stands in"), caught.stderr


def test_a_folder_without_code_is_no_package_where_ours_is_found_first(tmp_path: Path) -> None:
    """Folders of data are called so. Python prefers a package to them; what is left of it is told as well."""
    (tmp_path / "taxonomy").mkdir()
    (tmp_path / "taxonomy" / "Taxon.tsv").touch()
    done = python(tmp_path, "-m", "biomill", "--version")
    if done.returncode:
        assert f"{tmp_path / 'taxonomy'} stands in the place of Biomill's package 'taxonomy'" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_that_comes_by_the_search_path_is_named_with_its_own_remedy(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "dedup.py").touch()
    path = os.pathsep.join([str(tmp_path / "theirs"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [BIN / "biomill", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert f"{tmp_path / 'theirs' / 'dedup.py'} stands in" in done.stderr
    assert f"take {tmp_path / 'theirs'} out of PYTHONPATH and sys.path" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_that_was_imported_before_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "manifests.py").touch()
    done = python(tmp_path, "-c", f"import manifests, sys; sys.path.pop(0)\n{USE}")
    assert f"{tmp_path / 'manifests.py'} stands in the place" in done.stderr.splitlines()[-1]


def test_the_console_script_runs_beside_a_foreign_package(tmp_path: Path) -> None:
    """It does not look for packages in the folder that it is called in."""
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").touch()
    done = subprocess.run([BIN / "biomill", "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_every_package_beside_ours_is_looked_for() -> None:
    assert [Path(name).parts[0].removesuffix(".py") for name in FOREIGN] == list(SIBLINGS)
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.removesuffix("*") for name in listed} == {"biomill", *SIBLINGS}
    check_siblings()
