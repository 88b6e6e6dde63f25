"""The 64-bit key of a name: SipHash under a fixed key, computed on whole arrays.

The hash only finds candidates; every hit is verified on the string, so that a collision costs time and never truth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

_KEY = "biomill-names-01"  # SipHash takes 16 bytes; changing them changes every index
PROBE = "Puma concolor"
"""A name whose hash is written into every index, so that an index made with another hash is recognised."""


def name_hashes(names: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return the key of every name of an object array of str.

    >>> int(name_hashes(np.array(["Puma concolor"], dtype=object))[0]) == int(
    ...     name_hashes(np.array(["Morus", "Puma concolor"], dtype=object))[1])
    True
    """
    if len(names) == 0:
        return np.empty(0, dtype=np.uint64)
    values: npt.NDArray[np.uint64] = pd.util.hash_array(names, encoding="utf8", hash_key=_KEY, categorize=False)
    return values
