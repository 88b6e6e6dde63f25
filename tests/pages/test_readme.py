"""Every command of the README does what the README says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.commands.cli import _parser
from pipeline.demo.gbif import ARCHIVE
from pipeline.storage.run_folder import STAGES
from tests.conftest import Demo

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
TARGETS = ("run", "status", "sql", "report", "verify")
"""Targets over a run of one's own."""


def blocks(language: str, page: str = README) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [text for found, text in fences if found == language]


def commands(*starts: str, page: str = README) -> list[str]:
    lines = [
        line.split(" #")[0].strip()
        for block in [*blocks("sh", page), *blocks("", page)]
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line.startswith(starts)]


def run(line: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **environment}
    return subprocess.run(line, shell=True, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call make with the environment that runs these tests in the place of `.venv`."""
    prefix = BIN.parent
    # A make that runs the tests would have its own words and its level taken over.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(
        ["make", f"VENV={prefix}", "-o", f"{prefix}/.ready", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("readme") / "demo"
    done = make("demo", f"OUT={out}")
    assert done.returncode == 0, done.stderr
    assert "all input rows" in done.stdout
    return out


def test_the_readme_opens_with_the_two_commands() -> None:
    first = blocks("sh")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]
    assert README.index("```sh") < README.index("![")
    assert (ROOT / "docs" / "flow.svg").exists()


def test_make_demo_prints_the_funnel_that_the_readme_shows(made: Path) -> None:
    again = make("demo", f"OUT={made}")
    shown = [line.split() for line in blocks("")[0].splitlines() if line.strip()]
    printed = [line.split() for line in again.stdout.splitlines()]
    assert [line for line in shown if line not in printed] == []


def test_make_test_runs_the_tests() -> None:
    each = {name: make("-n", name).stdout.split() for name in ("test", "test-whole", "test-clusters", "test-train")}
    assert all("pytest" in words for words in each.values())
    # What one leaves out another runs.
    left_out = {word.partition("=")[2] for word in each["test"] if word.startswith("--ignore=")}
    assert left_out == {word for name in ("test-clusters", "test-train") for word in each[name] if "tests/" in word}
    assert left_out == {"tests/clusters", "tests/oracles", "tests/train"}
    assert each["test"][-3:] == ["-m", '"not', 'whole"'] and each["test-whole"][-2:] == ["-m", "whole"]
    assert each["test"][:-3] == each["test-whole"][:-2]


def test_make_help_lists_every_target() -> None:
    listed = make("help").stdout
    for target in (
        "help",
        "setup",
        "demo",
        *TARGETS,
        "test",
        "test-whole",
        "test-clusters",
        "test-train",
        "lint",
        "types",
        "docs",
        "release",
        "bench",
        "clean",
    ):
        assert re.search(rf"^\s+{target}\s", listed, re.MULTILINE), target


def test_make_runs_and_asks_with_what_it_is_given(made: Path) -> None:
    out = f"OUT={made / 'run'}"
    again = make("run", f"RECIPE={made / 'corpus' / 'recipe.toml'}", out)
    assert (again.returncode, "shards: done before" in again.stderr) == (0, True), again.stderr
    assert make("status", out).stdout.splitlines()[0].startswith("stage")
    asked = make("sql", out, """Q=SELECT 'a b' AS "two words", count(*) FROM samples WHERE "class" = 'Aves'""")
    assert asked.stdout.splitlines()[0].startswith("two words"), asked.stderr
    assert Path(make("report", out).stdout.split(maxsplit=1)[1].strip()).is_file()
    assert make("verify", out).stdout.splitlines()[-1] == "verified"
    assert {target for target in TARGETS if f"`make {target}`" in README or f" {target} " in README} == set(TARGETS)


def test_make_says_what_is_missing(tmp_path: Path) -> None:
    for target, given, missing in (
        ("run", [], "RECIPE=... is missing: make run RECIPE=my-recipe.toml OUT=out/mine"),
        ("run", ["RECIPE=a.toml"], "OUT=... is missing"),
        ("status", [], "OUT=... is missing: make status OUT=out/mine"),
        ("sql", ["OUT=a"], "Q=... is missing: make sql OUT=out/mine Q="),
        ("report", ["OUT="], "OUT=... is missing"),
        ("verify", [], "OUT=... is missing"),
    ):
        done = make(target, *given)
        assert (done.returncode, missing in done.stderr) == (2, True), done.stderr
    assert "not the output folder of a run" in make("report", f"OUT={tmp_path}").stderr


def test_the_questions_of_the_readme_are_answered(made: Path) -> None:
    lines = commands(".venv/bin/biomill sql", ".venv/bin/biomill explain", ".venv/bin/biomill verify")
    assert len(lines) == 5
    for line in lines:
        done = run(line.replace(".venv/bin/", "").replace("out/demo", str(made)), ROOT)
        assert done.returncode == 0, (line, done.stderr)
        assert len(done.stdout.splitlines()) > 1, line


def test_the_starter_recipe_and_the_reference_are_printed(tmp_path: Path) -> None:
    for line in commands(".venv/bin/biomill recipe"):
        done = run(line.replace(".venv/bin/", ""), tmp_path)
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "my-recipe.toml").read_text().count("[[sources]]") >= 3


def test_the_commands_for_a_real_recipe_work(demo: Demo, tmp_path: Path) -> None:
    """The README's lines on a recipe of one's own: the demo's, with its hosts served from here."""
    for part in demo.corpus.folder.iterdir():
        (tmp_path / part.name).symlink_to(part)
    hosts = ", ".join(f'"{entry}"' for entry in demo.recipe.fetch.connect_to)
    text = demo.corpus.recipe.read_text().replace("[fetch]", f"[fetch]\nconnect_to = [{hosts}]")
    (tmp_path / "my-recipe.toml").write_text(text)
    lines = commands("biomill recipe my-recipe", "biomill plan ", "biomill run", "biomill status")
    assert len(lines) == 4
    for line in lines:
        done = run(line, tmp_path)
        assert done.returncode == 0, (line, done.stderr)
    assert done.stdout.splitlines()[0].startswith("stage")


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_command_of_a_page_is_one(page: str) -> None:
    """Also those that need a network, or files of other people: their words and options are the program's."""
    lines = commands("biomill ", page=(ROOT / page).read_text(encoding="utf-8"))
    assert len(lines) >= (12 if page == "README.md" else 0)
    for line in lines:
        words = shlex.split(re.split(r" [|>] ", line)[0])
        if "--help" in words:  # it ends there, with the words of a command that there is
            words = ["biomill", "help", *words[1:-1]]
        asked = _parser().parse_args(words[1:])
        assert asked.command == words[1], line


def test_the_parts_work_alone(demo: Demo, tmp_path: Path) -> None:
    """The README's lines that need no network, on files of the demo."""
    (tmp_path / "downloads").mkdir()
    (tmp_path / "out").mkdir()
    archive = demo.corpus.folder / ARCHIVE
    (tmp_path / "downloads" / "0012345.zip").symlink_to(archive)
    with zipfile.ZipFile(archive) as packed:
        rows = [line.split("\t") for line in packed.read("multimedia.txt").decode().splitlines()]
    place = rows[0].index("license")
    statements = [row[place] for row in rows if len(row) > place]
    (tmp_path / "downloads" / "multimedia.csv").write_text("\n".join(statements) + "\n")
    (tmp_path / "names.csv").write_text("scientificName\nPuma concolor\n")
    for name, target in (("out/taxonomy", demo.out / "taxonomy"), ("out/mine", demo.out)):
        (tmp_path / name).symlink_to(target)
    pictures = sorted((demo.corpus.folder / "www").rglob("*.jpg"))[:12]
    for folder, chosen in (("photos", pictures[:8]), ("benchmark", pictures[8:])):
        (tmp_path / folder).mkdir()
        for number, picture in enumerate(chosen):
            shutil.copy(picture, tmp_path / folder / f"{number}.jpg")
    lines = commands(
        "biomill records", "biomill licences", "biomill taxonomy resolve", "biomill images", "biomill dedup",
        "biomill leakage check", "biomill export", "biomill feed",
    )  # fmt: skip
    assert len(lines) == 9
    for line in lines:
        done = run(line, tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert done.stdout or (tmp_path / "resolved.csv").exists(), line


def test_the_output_folder_is_as_the_readme_draws_it(made: Path) -> None:
    drawn = next(block for block in blocks("") if block.startswith("out/demo/run/"))
    for name in re.findall(r"[\w-]+\.(?:json|duckdb|tar|idx|parquet|sha256)", drawn):
        assert name.startswith("KEY.") or list((made / "run").rglob(name)), name
    for stage in STAGES[:-2]:
        assert f"{stage}/" in drawn
        assert (made / "run" / stage / "_done.json").exists()


def test_the_readme_names_every_room_of_the_house() -> None:
    rooms = {p.parent.relative_to(ROOT).as_posix() for p in (ROOT / "pipeline").glob("*/__init__.py")}
    for room in [*rooms, "manifests", "taxonomy", "dedup", "tests"]:
        assert f"`{room}/`" in README, room
    assert shutil.which("make")
