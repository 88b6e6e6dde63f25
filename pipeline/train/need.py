"""What training needs beside the package itself."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from pipeline.model.errors import MissingExtraError


def need_torch(what: str) -> None:
    """Raise MissingExtraError, in one sentence, where PyTorch is not installed; `what` needs it."""
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
