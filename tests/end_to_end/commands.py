"""The command line of a run on the demo's input, as a person would type it, and a look at what it left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.demo import connect_to
from tests.conftest import Demo


def command(demo: Demo, out: Path, *more: str) -> list[str]:
    hosts = ", ".join(f'"{entry}"' for entry in connect_to(demo.server.address))
    set_hosts = ["--set", f"fetch.connect_to=[{hosts}]"]
    return [
        sys.executable,
        "-m",
        "pipeline.commands.cli",
        "run",
        str(demo.corpus.recipe),
        "-o",
        str(out),
        *set_hosts,
        *more,
    ]


def no_half_files(out: Path) -> Iterator[str]:
    """Name what has a final name and is not whole."""
    import pyarrow.parquet as pq

    from pipeline.shards import walk

    for path in sorted(out.rglob("*.parquet")):
        if not path.name.startswith(".tmp-"):
            try:
                pq.read_metadata(path)
            except Exception as error:  # noqa: BLE001 - any failure to read is the finding
                yield f"{path}: {error}"
    for path in sorted(out.rglob("*.tar")):
        if not path.name.startswith(".tmp-"):
            list(walk(path))
