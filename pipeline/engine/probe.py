"""One unit before all others: whether a worker sees the run's folder, and has the versions that this machine has.

What would else be a hundred lines of a runner's traceback, an hour into a run, is one sentence in its first seconds.
"""

from __future__ import annotations

import platform
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pipeline.model.errors import RunError, StorageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, read_json, write_json
from pipeline.storage.places import Place, place

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.engine.failures import Report

_PACKAGES = ("biomill", "apache-beam", "duckdb", "pyarrow")
_UNSEEN = "a folder that all workers see under this name, and may write: of a shared file system, or at an address"
_REMEDY = (
    "run into an address that the workers reach too (-o s3://bucket/run), with credentials in their environment; or "
    "use a folder that is mounted on all of their machines"
)


def versions() -> dict[str, str]:
    """Return the versions of what decides a run's bytes: Python to its second number, and packages.

    >>> sorted(versions())[:3]
    ['apache-beam', 'biomill', 'duckdb']
    """
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


@dataclass(frozen=True)
class Probe:
    """The graph of one unit that reads what this machine wrote, and answers beside it; travels to a worker."""

    folder: str
    """The folder of a stage, or its address."""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __call__(self, pipeline: beam.Pipeline, report: Report) -> None:
        """Wire the one unit."""
        import apache_beam as beam

        (
            pipeline
            | "probe/unit" >> beam.Create([b""])  # Dask's runner knows no Impulse
            | "probe/spread" >> beam.Reshuffle()
            | "probe/work" >> beam.Map(report.on(self.answer))
        )

    def ask(self) -> None:
        """Write what a worker is to read. Raises StorageError when the folder cannot be written from here."""
        write_json(self._file("asked"), {"token": self.token, "versions": versions()})

    def answer(self, _: bytes) -> None:
        """Read what was asked, and write what this machine is; raises StorageError, and RunError for other versions."""
        machine = socket.gethostname()
        try:
            asked = read_json(self._file("asked"))
        except FileNotFoundError as error:
            raise StorageError(
                f"a worker on {machine} does not see the output folder", self.folder, _UNSEEN, _REMEDY
            ) from error
        except (StorageError, OSError) as error:
            said = str(error).splitlines()[0]
            raise StorageError(
                f"a worker on {machine} cannot read the output folder: {said}", self.folder, _UNSEEN, _REMEDY
            ) from error
        if others := differences(asked["versions"], versions()):
            raise RunError(
                f"workers have other versions than this machine: {others}",
                where=f"a worker on {machine}",
                expected="the same Python, Biomill, Beam, DuckDB and Arrow on all machines, as bytes depend on them",
                remedy="install the same versions in the workers' environment or image",
            )
        try:
            write_json(self._file("answered"), {"token": self.token, "machine": machine})
        except (StorageError, OSError) as error:
            said = str(error).splitlines()[0]
            raise StorageError(
                f"a worker on {machine} cannot write the output folder: {said}", self.folder, _UNSEEN, _REMEDY
            ) from error

    def check(self) -> None:
        """Raise StorageError when the answer did not come here, and remove what was written."""
        try:
            answered = read_json(self._file("answered"))
            whole = answered.get("token") == self.token
        except (FileNotFoundError, ValueError):
            whole = False
        finally:
            self.clear()
        if not whole:
            raise StorageError(
                "what a worker writes into the output folder does not come to this machine",
                self.folder,
                _UNSEEN,
                _REMEDY,
            )

    def clear(self) -> None:
        """Remove what was written."""
        for name in ("asked", "answered"):
            with suppress(OSError, StorageError):
                self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Place:
        return place(self.folder) / f"{TEMPORARY_PREFIX}probe-{self.token}-{name}.json"


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Return which versions differ, in words; empty when none does.

    >>> differences({"python": "3.11", "duckdb": "2.0.0"}, {"python": "3.11", "duckdb": "1.4.1"})
    'duckdb 1.4.1 there, 2.0.0 here'
    """
    return "; ".join(
        f"{name} {there.get(name, 'none')} there, {value} here"
        for name, value in sorted(here.items())
        if there.get(name) != value
    )
