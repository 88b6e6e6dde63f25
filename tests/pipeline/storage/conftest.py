"""Places of every kind that a store can be."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.storage.stores import Store, open_store
from tests.s3_server import s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as bucket:
        yield bucket


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address at which nothing lies yet, below one that holds a secret."""
    above = {
        "folder": f"{tmp_path}/above",
        "file": f"file://{tmp_path}/above",
        "memory": f"memory://{uuid.uuid4().hex}",
    }.get(request.param) or f"{request.getfixturevalue('s3')}/{uuid.uuid4().hex}"
    open_store(above).write("secret", b"secret")
    return f"{above}/place"


@pytest.fixture
def store(place: str) -> Store:
    return open_store(place)
