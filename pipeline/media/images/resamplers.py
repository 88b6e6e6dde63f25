"""Which resampler a recipe may name, without a library of images to ask it."""

from __future__ import annotations

import importlib.util

from manifests.checks import CYKOOZ
from pipeline.model.errors import MissingExtraError


def check_resampler(name: str) -> None:
    """Raise MissingExtraError where the library that the recipe names is not installed.

    >>> check_resampler("pillow")
    """
    if name == CYKOOZ and importlib.util.find_spec("cykooz_resizer") is None:
        raise MissingExtraError(
            f"the resampler {name!r} is not installed",
            where="image.resampler",
            remedy="pip install 'biomill[fast]', or set image.resampler to 'pillow', which gives other pixels",
        )
