"""Every JPEG of the shards is, byte for byte, the one that fetch encoded and stored."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pipeline.storage.statements import Statements
from pipeline.verify.check import Findings, Run

_SQL = Statements(__name__)


def images(run: Run) -> str:
    """The JPEG's SHA-256 is the one taken where it was encoded, and that of the bytes in fetch's blobs.

    Where the blobs were deleted, that of the manifest.
    """
    found = Findings("images have changed")
    blobs = run.folder.stage("fetch") / "blobs"
    compared = gone = 0
    name, file = None, None
    with ExitStack() as stack:
        for batch in run.batches(_SQL("stored")):
            for where, digest, encoded, unit, offset, length in batch:
                if digest != encoded:
                    found.add("KEY.jpg is not what was encoded", f"{where}.jpg has not the SHA-256 that fetch noted")
                if unit != name:
                    stack.close()
                    name, file = unit, _opened(run, stack, blobs, unit)
                if file is None:
                    gone += 1
                    continue
                compared += 1
                file.seek(offset)
                if hashlib.sha256(file.read(length)).hexdigest() != digest:
                    found.add(
                        "KEY.jpg is not what fetch stored", f"{where}.jpg is not bytes {offset} ff. of blob {unit}"
                    )
    if gone:
        run.none(_SQL("changed"), "images have changed")
    found.check()
    rest = f", {gone:,} with the manifest, as fetch's blobs are gone" if gone else ""
    return f"{compared:,} images compared with what fetch stored{rest}"


def _opened(run: Run, stack: ExitStack, blobs: Path, unit: str | None) -> BinaryIO | None:
    path = blobs / f"{unit}.bin"
    if unit is None or not path.exists():
        return None
    return stack.enter_context(stack.enter_context(run.folder.present(path)).open("rb"))
