"""The house rules about who may import whom, read from the source itself."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms import MAXIMUM_LINES, ORDER, PACKAGES, read_rooms

ROOT = Path(__file__).parents[1]
LIBRARIES = ("taxonomy", "dedup", "manifests")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def offenders(paths: list[Path], *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imports(path)
        if any(name == f or name.startswith(f"{f}.") for f in forbidden)
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_know_neither_beam_nor_the_pipeline(library: str) -> None:
    assert modules(library), f"{library} has modules"
    assert offenders(modules(library), "apache_beam", "pipeline") == []


def test_libraries_share_nothing_but_the_recipe_and_the_errors() -> None:
    assert offenders(modules("taxonomy"), "dedup") == []
    assert offenders(modules("dedup"), "taxonomy") == []
    assert offenders(modules("manifests"), "dedup", "taxonomy") == []


def test_media_sources_and_shards_know_no_beam() -> None:
    paths = modules("pipeline/media", "pipeline/sources", "pipeline/shards", "pipeline/catalog")
    assert offenders(paths, "apache_beam") == []


def test_only_the_tree_module_imports_ete3() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules("pipeline", *LIBRARIES)
        if any(name.split(".")[0] == "ete3" for name in imports(path))
    }
    assert users == {"taxonomy/tree.py"}


def test_only_the_fetch_side_meets_the_network() -> None:
    users = {
        path.relative_to(ROOT).parts[:2]
        for path in modules("pipeline", *LIBRARIES)
        if {"urllib3", "requests", "urllib.request", "http.client"} & set(imports(path))
    }
    assert users <= {("pipeline", "media"), ("pipeline", "pull")}


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    long = [
        p.relative_to(ROOT).as_posix() for p in modules("pipeline", *LIBRARIES) if len(p.read_text().splitlines()) > 400
    ]
    assert long == []


def test_rooms_form_no_ring_and_import_only_what_stands_below_them() -> None:
    rooms = read_rooms()
    assert rooms.rings == []
    assert rooms.upward() == []
    assert sorted(rooms.lines) == sorted(ORDER), "every room has its place in the order, and every place a room"


@pytest.mark.parametrize(
    "line",
    [
        "from pipeline.stages.screen import Screen",
        "def late():\n    import pipeline.stages.screen",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pipeline.stages import screen",
        "NAME = 'pipeline.stages.screen:Screen'",
        "from importlib import import_module\nmodule = import_module('pipeline.stages.screen')",
    ],
)
def test_an_import_that_goes_up_is_seen_however_it_is_written(tmp_path: Path, line: str) -> None:
    for room in ("storage", "storage/files", "stages"):
        folder = tmp_path / "pipeline" / room
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    (tmp_path / "pipeline" / "__init__.py").touch()
    (tmp_path / "pipeline" / "stages" / "screen.py").write_text("from pipeline.storage.files import atomic\n")
    (tmp_path / "pipeline" / "storage" / "files" / "atomic.py").write_text(line + "\n")
    rooms = read_rooms(tmp_path)
    assert rooms.rings == [["pipeline.stages", "pipeline.storage.files"]]
    assert [up.split(" -> ")[0] for up in rooms.upward()] == ["pipeline.storage.files.atomic"]


def test_no_room_is_larger_than_a_reader_can_walk_through() -> None:
    assert {room: lines for room, lines in read_rooms().lines.items() if lines > MAXIMUM_LINES} == {}


def test_no_file_lies_loose_and_no_import_is_relative() -> None:
    loose = [path.name for path in (ROOT / "pipeline").glob("*.py")]
    assert loose == ["__init__.py"]
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_three_files_have_one_name() -> None:
    """`__init__` apart, and `errors`, of which every package has one."""
    files = Counter(path.name for path in modules(*PACKAGES) if path.name != "__init__.py")
    errors = [path.relative_to(ROOT).parts[0] for path in modules(*PACKAGES) if path.name == "errors.py"]
    assert len(errors) == len(set(errors)), errors
    assert sorted(name for name, count in files.items() if count > 2) == ["errors.py"]


def test_every_room_says_what_it_holds() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(*PACKAGES)
        if path.name == "__init__.py"
        and not (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()
    ]
    assert silent == []
