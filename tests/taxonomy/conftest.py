"""A built default taxonomy, and small taxonomies written from rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from taxonomy import Taxonomy, build_taxonomy, resolve

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def default(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    folder = tmp_path_factory.mktemp("default") / "taxonomy"
    build_taxonomy(["default"], folder)
    return Taxonomy.open(folder, check=True)


def ask(taxonomy: Taxonomy, name: str | None, **more: str | None) -> dict[str, Any]:
    """Resolve one name; `author` and `rank` stand for the input columns, other keywords are hints."""
    columns = {"author": "name_authorship", "rank": "rank_verbatim"}
    table = {"scientific_name": pa.array([name], pa.string())}
    table |= {columns.get(key, key): pa.array([value], pa.string()) for key, value in more.items()}
    row: dict[str, Any] = resolve(taxonomy, pa.table(table)).to_pylist()[0]
    return row


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Taxonomy]:
    """Build a taxonomy from texts, one file each, in order of priority."""

    def build(*texts: str, suffix: str = "tsv") -> Taxonomy:
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"source{number}.{suffix}")
            paths[-1].write_text(text, encoding="utf-8")
        folder = tmp_path / "built"
        build_taxonomy(paths, folder)
        return Taxonomy.open(folder, check=True)

    return build
