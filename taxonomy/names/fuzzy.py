"""One differing letter: words that share what is left when one letter is taken out of each.

Two words that differ by a letter that was added, dropped, replaced, swapped with its neighbour or moved have a common
remainder after at most one deletion in each (the symmetric deletes of Garbe's SymSpell, at distance one). The index
holds a hash of every remainder of every word; what it finds is then compared letter by letter. The first letter must
agree, and short words, hyphens and digits are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from taxonomy.names.hashing import name_hashes

MOVED = 2
"""Damerau-Levenshtein distance of a letter that was moved by more than one place; counted as one edit in long words."""
MOVED_SHORTEST = 8
"""Letters of the shortest word in which a moved letter is forgiven."""
FAR = 9
_MOST = 64
"""Words of the index that one remainder may lead to; a remainder of more is too common to mean anything."""
_NEVER = frozenset({"indet", "undet"})
"""Words that say that there is no epithet."""
_BLOCK = 50_000


def remainders(word: str) -> list[str]:
    """Return the word and what is left when one letter but the first is taken out.

    >>> remainders("rosea")
    ['rosea', 'rsea', 'roea', 'rosa', 'rose']
    """
    left = {word[:place] + word[place + 1 :] for place in range(1, len(word))}
    return [word, *sorted(left - {word}, key=lambda each: _cut(word, each))]


def _cut(word: str, left: str) -> int:
    return next((place for place, letter in enumerate(left) if letter != word[place]), len(left))


def edits(one: str, other: str) -> int:
    """Return 0 for equal words, 1 for one Damerau-Levenshtein edit, MOVED for a moved letter, else FAR.

    >>> edits("vulgaris", "vulgaris"), edits("vulgaris", "vulgris"), edits("vulgaris", "vulagris")
    (0, 1, 1)
    >>> edits("gualterianus", "gualtieranus"), edits("alba", "nigra")
    (2, 9)
    """
    if one == other:
        return 0
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return FAR
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    end = 0
    while end < len(one) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    a, b = one[start : len(one) - end], other[start : len(other) - end]
    if len(a) <= 1 and len(b) <= 1:
        return 1
    if len(a) != len(b):
        return FAR
    if len(a) == 2 and a == b[::-1]:
        return 1
    moved = len(other) >= MOVED_SHORTEST and (a[1:] + a[0] == b or a[-1] + a[:-1] == b)
    return MOVED if moved else FAR


def may_differ(word: str, shortest: int) -> bool:
    """Return whether a word may be matched with a differing letter.

    >>> may_differ("vulgaris", 5), may_differ("alba", 5), may_differ("aa1234", 5)
    (True, False, False)
    """
    return len(word) >= shortest and word.isalpha() and word.isascii() and word not in _NEVER


def write_remainders(words: Sequence[str], shortest: int) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of the index: sorted hashes of remainders, and the place of the word of each.

    The words are sorted and distinct; memory grows with the words of one block and the arrays of all.
    """
    hashes: list[npt.NDArray[np.uint64]] = []
    owners: list[npt.NDArray[np.int32]] = []
    for start in range(0, len(words), _BLOCK):
        texts: list[str] = []
        places: list[int] = []
        for place, word in enumerate(words[start : start + _BLOCK], start):
            if may_differ(word, shortest):
                left = remainders(word)
                texts += left
                places += [place] * len(left)
        hashes.append(name_hashes(np.array(texts, dtype=object)))
        owners.append(np.array(places, dtype=np.int32))
    together = np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)
    owner = np.concatenate(owners) if owners else np.empty(0, dtype=np.int32)
    order = np.lexsort((owner, together))
    return {"remainders": together[order], "remainder_words": owner[order]}


def near_words(
    asked: Iterable[str],
    words: pa.ChunkedArray,
    hashes: npt.NDArray[np.uint64],
    owners: npt.NDArray[np.int32],
    shortest: int,
) -> dict[str, list[tuple[str, int]]]:
    """Return, for every word that is asked, the (word, edits) of the index that differ from it by one edit, sorted."""
    distinct = sorted({word for word in asked if may_differ(word, shortest)})
    texts: list[str] = []
    places: list[int] = []
    for place, word in enumerate(distinct):
        left = remainders(word)
        texts += left
        places += [place] * len(left)
    if not texts:
        return {}
    keys = name_hashes(np.array(texts, dtype=object))
    order = np.argsort(keys, kind="stable")
    low, high = np.empty(len(keys), dtype=np.int64), np.empty(len(keys), dtype=np.int64)
    low[order] = np.searchsorted(hashes, keys[order], side="left")
    high[order] = np.searchsorted(hashes, keys[order], side="right")
    count = np.where(high - low > _MOST, 0, high - low)
    asker = np.repeat(np.array(places, dtype=np.int64), count)
    within = np.arange(len(asker)) - np.repeat(np.cumsum(count) - count, count)
    owner = np.asarray(owners[np.repeat(low, count) + within])
    if len(asker) == 0:
        return {}
    pairs = np.unique(np.stack([asker, owner.astype(np.int64)]), axis=1)
    found = words.take(pa.array(pairs[1])).to_pylist()
    near: dict[str, list[tuple[str, int]]] = {}
    for place, word in zip(pairs[0].tolist(), found, strict=True):
        distance = edits(distinct[place], word)
        if 0 < distance < FAR:
            near.setdefault(distinct[place], []).append((word, distance))
    return near
