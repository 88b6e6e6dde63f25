"""What training needs beside the package itself."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable

from pipeline.model.errors import MissingExtraError


def need_torch(what: str) -> None:
    """Raise MissingExtraError, in one sentence, where PyTorch is not installed; `what` needs it.

    Called before PyTorch is imported. Where it is, its threads are told to sleep while they wait, unless
    OMP_WAIT_POLICY is set: on cores that other programs use as well, those that spin keep each other from working.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when the library is loaded
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(f"`biomill {what}` needs PyTorch: pip install 'biomill[train]'")


def need_journals(journals: Iterable[str]) -> None:
    """Raise MissingExtraError where a log is asked for whose package, of the same name, is not installed."""
    for name in journals:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(
                f"the setting journals names {name}, whose package is not installed",
                expected=f"the package {name}",
                remedy=f"pip install 'biomill[{name}]', or leave it out: log.jsonl is written all the same",
            )
