"""Make a release and try it as a stranger would: `make release`.

    python -m tests.release

Builds the source distribution, and the wheel out of it, into `out/dist`; compares what they hold with what git tracks;
installs the wheel into a clean virtual environment outside the checkout, with the versions of `constraints.txt`; runs
the command, the completion, the imports of the public API, the demo and its verification there; and prints the tag to
set. Ends with status 1 and one sentence at the first thing that is not so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import venv
import zipfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("biomill", "pipeline", "taxonomy", "dedup", "manifests")
FRONT = ("pyproject.toml", "README.md", "LICENSE")
SHELLS = ("bash", "zsh", "fish")
DATA = (".sql", ".jinja", ".css", ".toml", ".tsv", ".typed")
"""Endings of the data that the packages read; without one of them a wheel is broken, and none may have gone."""
API = """
import importlib, pathlib, sys
for package in sys.argv[1:]:
    module = importlib.import_module(package)
    here = pathlib.Path(module.__file__).resolve()
    assert here.is_relative_to(pathlib.Path(sys.prefix).resolve()), f"{package} is imported from {here}"
    for name in getattr(module, "__all__", ()):
        getattr(module, name)
    print(package, len(getattr(module, "__all__", ())))
"""


class ReleaseError(Exception):
    """What is not fit to be released, in one sentence."""


def changelog_problems(text: str, version: str) -> Iterator[str]:
    """Return what is wrong with a changelog for the release of a version.

    >>> list(changelog_problems("## [Unreleased]\\n\\n## [0.2.0] - 2026-01-31\\n", "0.2.0"))
    []
    >>> list(changelog_problems("## [Unreleased]\\n\\n- Better.\\n\\n## [0.1.0] - 2026-01-01\\n", "0.2.0"))
    ['CHANGELOG.md has no dated section for 0.2.0', 'CHANGELOG.md lists changes as unreleased: move them below 0.2.0']
    """
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}$", text, re.MULTILINE):
        yield f"CHANGELOG.md has no dated section for {version}"
    waiting = re.search(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if waiting is None:
        yield "CHANGELOG.md has no section for what is unreleased"
    elif waiting[1].strip():
        yield f"CHANGELOG.md lists changes as unreleased: move them below {version}"


def content_problems(tracked: Collection[str], held: Iterable[str]) -> Iterator[str]:
    """Return what a wheel lacks of the packages' tracked files, and what it holds beside them.

    >>> list(content_problems(["a/b.py", "a/c.sql"], ["a/b.py", "tests/x.py", "a-1.dist-info/METADATA"]))
    ['the wheel lacks a/c.sql', 'the wheel holds tests/x.py, which is no tracked file of a package']
    """
    inside = {name for name in held if not name.endswith("/") and not name.split("/")[0].endswith(".dist-info")}
    for name in sorted(set(tracked) - inside):
        yield f"the wheel lacks {name}"
    for name in sorted(inside - set(tracked)):
        yield f"the wheel holds {name}, which is no tracked file of a package"


def stop(problems: Iterable[str]) -> None:
    """Raise ReleaseError when there is a problem, naming all."""
    found = list(problems)
    if found:
        raise ReleaseError("; ".join(found))


def call(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command and give what it printed; raises ReleaseError with its last words when it fails."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True)
    except OSError as error:
        raise ReleaseError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise ReleaseError(f"{' '.join(str(word) for word in command)!r} ended with {done.returncode}:\n{words}")
    return done.stdout


def strangers_environment(commands: Path) -> dict[str, str]:
    """Return the variables of somebody who has no checkout: whatever leads Python or pip to ours is taken out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return kept | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}


def tracked_files() -> list[str]:
    """Return the files of the packages that git tracks; raises ReleaseError where a kind of data has gone."""
    files = call("git", "ls-files", "--", *PACKAGES).split()
    stop(f"no package has a file *{ending}" for ending in DATA if not any(name.endswith(ending) for name in files))
    return files


def check_facts(version: str) -> None:
    """Raise ReleaseError unless version, changelog, citation and checkout fit together, and the tag is free."""
    stop(changelog_problems((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version))
    cited: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    if cited["version"] != version:
        raise ReleaseError(f"CITATION.cff is of version {cited['version']}, but pyproject.toml of {version}")
    changed = call("git", "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise ReleaseError(f"the checkout has changes that are not committed: {changed[0].strip()} and others")
    if call("git", "tag", "--list", f"v{version}").strip():
        raise ReleaseError(f"the tag v{version} is set already: raise the version")


def build(out: Path, version: str, tracked: Collection[str]) -> Path:
    """Build both distributions into a folder, look into them, and give the wheel."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # what setuptools left there would get into the wheel
    call(sys.executable, "-m", "build", "--outdir", out, ROOT)
    wheel, source = out / f"biomill-{version}-py3-none-any.whl", out / f"biomill-{version}.tar.gz"
    stop(f"{path.name} was not built" for path in (wheel, source) if not path.is_file())
    with zipfile.ZipFile(wheel) as archive:
        stop(content_problems(tracked, archive.namelist()))
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        said = archive.read(metadata).decode().splitlines()
    stop(f"its metadata lacks {line!r}" for line in (f"Version: {version}", "Name: biomill") if line not in said)
    with tarfile.open(source) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    stop(f"the source distribution lacks {name}" for name in (*FRONT, *tracked) if name not in held)
    return wheel


def clean_environment(folder: Path, wheel: Path) -> Path:
    """Make an environment with the wheel alone and the versions of the constraints; give its folder of commands."""
    venv.create(folder, with_pip=True)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    env, quiet = strangers_environment(commands), ("install", "--quiet", "--disable-pip-version-check")
    call(commands / "python", "-m", "pip", *quiet, "-c", ROOT / "constraints.txt", wheel, cwd=folder, env=env)
    call(commands / "python", "-m", "pip", "check", cwd=folder, env=env)
    return commands


def try_out(commands: Path, version: str, folder: Path) -> Iterator[str]:
    """Use the wheel from an empty folder as a stranger would; give a line for everything that went well."""
    env = strangers_environment(commands)
    biomill = commands / "biomill"
    said = call(biomill, "--version", cwd=folder, env=env).strip()
    if version not in said:
        raise ReleaseError(f"biomill --version says {said!r}, not {version}")
    yield f"command: {said}"
    public = [name for name in PACKAGES if name != "pipeline"]
    yield "API: " + ", ".join(call(commands / "python", "-c", API, *public, cwd=folder, env=env).splitlines())
    for shell in SHELLS:
        script = folder / f"completion.{shell}"
        script.write_text(call(biomill, "completion", shell, cwd=folder, env=env), encoding="utf-8")
        if "biomill" not in script.read_text(encoding="utf-8"):
            raise ReleaseError(f"the completion for {shell} is empty")
        if shutil.which(shell):
            call(shell, "-n", script, cwd=folder, env=env)
    yield f"completion: {', '.join(SHELLS)}"
    began = time.monotonic()
    printed = call(biomill, "demo", "-o", "demo", cwd=folder, env=env)
    if "all input rows" not in printed:
        raise ReleaseError("biomill demo printed no funnel")
    yield f"demo: done in {time.monotonic() - began:.0f} s"
    checks = call(biomill, "verify", Path("demo") / "run", cwd=folder, env=env).splitlines()
    if checks[-1] != "verified":
        raise ReleaseError(f"biomill verify ended with {checks[-1]!r}")
    yield f"verify: {len(checks) - 1} checks hold"


def main() -> int:
    """Make and try the release, and print the tag to set."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        check_facts(version)
        wheel = build(ROOT / "out" / "dist", version, tracked_files())
        print(f"built: {wheel.relative_to(ROOT)}, {wheel.stat().st_size:,} bytes", flush=True)
        with tempfile.TemporaryDirectory(prefix="biomill-release-") as scratch:
            outside = Path(scratch).resolve()
            if outside.is_relative_to(ROOT):
                raise ReleaseError(f"{outside} is within the checkout: name another folder with TMPDIR")
            commands = clean_environment(outside / "environment", wheel)
            print("installed: into a clean environment", flush=True)
            (outside / "work").mkdir()
            for line in try_out(commands, version, outside / "work"):
                print(line, flush=True)
    except ReleaseError as error:
        print(f"not fit for release: {error}", file=sys.stderr)
        return 1
    print(f'tag: git tag -a v{version} -m "Biomill {version}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
