"""The tokens of the built-in model: the words of a caption, each hashed into a fixed vocabulary.

No vocabulary has to be learnt or kept beside the weights, and a word that training never saw has a row of its own,
which stays as it was drawn. Names are words here, so that a model can read a lineage rank by rank and meet an unknown
epithet behind a genus that it knows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

VOCABULARY = 16_384
"""Rows of the table of words; row 0 stands for no word."""
LENGTH = 24
"""Words that are read of a text."""
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_SKIPPED = frozenset(("a", "photo", "of", "with", "common", "name"))  # in every caption, so that they tell nothing


def word_ids(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the tokens of texts, of shape (texts, LENGTH), filled up with 0.

    >>> ids = word_ids(["a photo of Puma concolor.", "puma"])
    >>> bool(ids[0, 0] == ids[1, 0]), int((ids > 0).sum())
    (True, 3)
    """
    found = np.zeros((len(texts), LENGTH), np.int64)
    for row, text in enumerate(texts):
        words = [word for word in _WORD.findall(text.lower()) if word not in _SKIPPED][:LENGTH]
        found[row, : len(words)] = [_row(word) for word in words]
    return found


def _row(word: str) -> int:
    digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") % (VOCABULARY - 1)
