"""The package's public names, and what it may import."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import dedup
from manifests.errors import BiomillError

FOLDER = Path(dedup.__file__).parent


def test_every_public_name_exists_and_says_what_it_is() -> None:
    assert len(set(dedup.__all__)) == len(dedup.__all__)
    for name in dedup.__all__:
        member = getattr(dedup, name)
        if inspect.isfunction(member) or inspect.isclass(member):
            assert member.__doc__, name


def test_the_library_imports_neither_beam_nor_the_pipeline() -> None:
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & {"apache_beam", "pipeline", "taxonomy"}, path.name


def test_its_error_is_a_biomill_error() -> None:
    assert issubclass(dedup.LikenessError, BiomillError)
