"""The house rules about who may import whom, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

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
