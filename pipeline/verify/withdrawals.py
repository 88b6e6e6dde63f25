"""Nothing that is withdrawn is in the shards, by the lists as they stand now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.model.errors import VerifyError
from pipeline.verify.check import Run
from pipeline.withdrawal import look


def withdrawals(run: Run, more: Sequence[Path]) -> str:
    """No sample of the shards is meant by the recipe's lists, read again, or by further ones."""
    looked = look(run.folder.root, more)
    looked.refuse(run.folder.root, VerifyError)
    return looked.clear()
