"""What training needs beside the package itself."""

from __future__ import annotations

import importlib.util

from pipeline.model.errors import MissingExtraError


def need_torch(what: str) -> None:
    """Raise MissingExtraError, in one sentence, where PyTorch is not installed; `what` needs it."""
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(f"`biomill {what}` needs PyTorch: pip install 'biomill[train]'")
