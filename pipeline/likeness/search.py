"""Held-out items as the leak search takes them: those whose hash clears, those whose hash only warns, and the rest.

A hash that carries too little information clears nothing: a training image near such an item is reported as doubtful,
and the item itself counts as not covered by its hash. An item without any hash is guarded by bytes and keys alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dedup import BothHashes, HeldOut, HeldOutPair, find_pair_leaks
from manifests import LikenessRules
from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak


def informative(items: pa.Table, minimum_quality: int, name: str = "pdq") -> HeldOut:
    """Return the held-out items whose hash of that name carries information: stated quality, at least the minimum.

    >>> from dedup import HASH_LIST_SCHEMA
    >>> rows = [{"item": str(q), "pdq": "0f" * 32, "quality": q} for q in (10, 90)]
    >>> informative(pa.Table.from_pylist(rows, HASH_LIST_SCHEMA), 50).item
    ('90',)
    """
    usable = pc.fill_null(pc.greater_equal(items.column("quality"), minimum_quality), False)
    return HeldOut.from_table(items.filter(pc.and_(items.column(name).is_valid(), usable)), name)


def doubtful(items: pa.Table, minimum_quality: int) -> HeldOut:
    """Return the held-out items that have a PDQ of low or unstated quality.

    >>> from dedup import HASH_LIST_SCHEMA
    >>> rows = [{"item": str(q), "pdq": "0f" * 32, "quality": q} for q in (10, None, 90)]
    >>> doubtful(pa.Table.from_pylist(rows, HASH_LIST_SCHEMA), 50).item
    ('10', 'None')
    """
    low = pc.fill_null(pc.less(items.column("quality"), minimum_quality), True)
    return HeldOut.from_table(items.filter(pc.and_(items.column("pdq").is_valid(), low)))


def pair_leaks(train: BothHashes, items: pa.Table, rules: LikenessRules) -> list[tuple[int, Leak]]:
    """Return the training images near a held-out one under pHash and PDQ at once, the clear leaks first.

    As with PDQ alone, a held-out image whose own hash carries too little information makes it doubtful. Of the
    training images only those whose hash carries information may be given.

    >>> from dedup import HASH_LIST_SCHEMA
    >>> import numpy as np
    >>> row = {"benchmark": "b", "item": "a.jpg", "pdq": "0f" * 32, "phash": "0f" * 8, "quality": 90}
    >>> train = BothHashes(np.full((1, 8), 15, np.uint8), np.full((1, 32), 31, np.uint8))
    >>> pair_leaks(train, pa.Table.from_pylist([row], HASH_LIST_SCHEMA), LikenessRules())
    [(0, Leak(benchmark='b', item='a.jpg', rule='leak_pair', distance=32, variant=0, phash_distance=0))]
    """
    clear = pc.fill_null(pc.greater_equal(items.column("quality"), rules.minimum_quality), False)
    found = []
    for some, rule in ((clear, LEAK_PAIR), (pc.invert(clear), DOUBTFUL)):
        held = HeldOutPair.from_table(items.filter(some))
        near = find_pair_leaks(train, held, rules.leak_pair_phash, rules.leak_pair_pdq)
        for row, at, phash, pdq in zip(
            near.left.tolist(), near.right.tolist(), near.phash.tolist(), near.pdq.tolist(), strict=True
        ):
            item = int(held.owner[at])
            named = held.items.benchmark[item], held.items.item[item]
            found.append((row, Leak(*named, rule, pdq, int(held.variant[at]), phash)))
    return found


def compares_pairs(rules: LikenessRules) -> bool:
    """Return whether the recipe has pHash and PDQ compared together.

    >>> compares_pairs(LikenessRules()), compares_pairs(LikenessRules(leak_pair_pdq=-1))
    (True, False)
    """
    return min(rules.leak_pair_phash, rules.leak_pair_pdq) >= 0


def same_content(items: pa.Table, columns: Mapping[str, Sequence[str | None]]) -> dict[int, Leak]:
    """Return the leaks by equal digests: `columns` holds 'sha256' and 'pixel_sha256' of the training images.

    Bytes come before pixels, and of several items with one digest the first by benchmark and name counts.
    """
    leaks: dict[int, Leak] = {}
    ordered = items.select(["benchmark", "item", "sha256", "pixel_sha256"]).sort_by(
        [("benchmark", "ascending"), ("item", "ascending")]
    )
    names = list(zip(ordered["benchmark"].to_pylist(), ordered["item"].to_pylist(), strict=True))
    for column, rule in (("sha256", "bytes"), ("pixel_sha256", "pixels")):
        known: dict[str, tuple[str, str]] = {}
        for name, digest in zip(names, ordered[column].to_pylist(), strict=True):
            if digest:
                known.setdefault(digest, name)
        for index, digest in enumerate(columns[column]):
            if digest in known and index not in leaks:
                leaks[index] = Leak(*known[digest], rule, 0, 0)
    return leaks
