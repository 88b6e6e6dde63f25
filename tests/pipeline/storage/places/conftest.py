"""Folders of a run of every kind: of a disk, in memory, and of a real S3 server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.storage.places import Place, RemotePath, place
from tests.s3_server import s3_server


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["disk", "memory", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "disk":
        return tmp_path / "run"
    if request.param == "memory":
        return place(f"memory://{uuid.uuid4().hex}/run")
    return place(f"{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}/run")


@pytest.fixture
def address(bucket: str) -> RemotePath:
    return RemotePath.of(f"{bucket}/{uuid.uuid4().hex}/run")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
