"""The folder or address of a run, as commands take it."""

from __future__ import annotations

from pipeline.model.errors import UsageError
from pipeline.storage.places import Place, place


def run_place(text: str) -> Place:
    """Return the folder, or the path of an address with a scheme ('s3://bucket/run').

    Raises StorageError for an address that cannot be opened, UsageError for one that ends with the process.

    >>> run_place("out/mine")
    PosixPath('out/mine')
    """
    if text.startswith("memory:"):
        raise UsageError(
            "what lies in memory is gone when the command ends",
            where=text,
            expected="a folder, or an address of a store such as s3://bucket/run",
            remedy="name another place",
        )
    return place(text)
