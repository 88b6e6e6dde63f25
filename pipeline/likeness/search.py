"""Held-out items as the leak search takes them: those whose hash clears, those whose hash only warns, and the rest.

A hash that carries too little information clears nothing: a training image near such an item is reported as doubtful,
and the item itself counts as not covered by its hash. An item without any hash is guarded by bytes and keys alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dedup import BothHashes, HeldOut, HeldOutPair, find_pair_leaks
from manifests import LikenessRules
from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak
from pipeline.likeness.record_leaks import RecordLeaks


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


def same_content(items: pa.Table, digests: pa.Table | Iterable[pa.RecordBatch]) -> RecordLeaks:
    """Return the leaks by equal digests: `digests` has sha256 and pixel_sha256 of the training images, in order.

    Bytes come before pixels, and of several items with one digest the first by benchmark and name counts. Memory: that
    of the items and of one batch.

    >>> from dedup import HASH_LIST_SCHEMA
    >>> items = pa.Table.from_pylist([{"benchmark": "b", "item": "x", "pixel_sha256": "p"}], HASH_LIST_SCHEMA)
    >>> same_content(items, pa.table({"sha256": ["s", "s"], "pixel_sha256": ["q", "p"]})).record.tolist()
    [1]
    """
    names = ["benchmark", "item"]
    ordered = items.select([*names, "sha256", "pixel_sha256"]).sort_by([(name, "ascending") for name in names])
    known = [_distinct(ordered[column].combine_chunks()) for column in ("sha256", "pixel_sha256")]
    records, item, rule, start = [], [], [], 0
    for batch in digests.to_batches() if isinstance(digests, pa.Table) else digests:
        found = np.full(batch.num_rows, -1, np.int64)
        by = np.zeros(batch.num_rows, np.uint8)
        for number, (column, (values, first)) in enumerate(zip(("sha256", "pixel_sha256"), known, strict=True)):
            at = pc.index_in(batch.column(column), value_set=values).fill_null(-1).to_numpy(zero_copy_only=False)
            some = np.flatnonzero((at >= 0) & (found < 0))
            found[some], by[some] = first[at[some]], number
        some = np.flatnonzero(found >= 0)
        records.append(some + start)
        item.append(found[some])
        rule.append(by[some])
        start += batch.num_rows
    record = np.concatenate([np.empty(0, np.int64), *records])
    zeros = np.zeros(len(record), np.int16)
    unknown = np.full(len(record), -1, np.int16)
    return RecordLeaks(
        record,
        np.concatenate([np.empty(0, np.int64), *item]).astype(np.int32),
        np.concatenate([np.empty(0, np.uint8), *rule]),
        *(zeros, zeros, unknown),
        list(zip(ordered["benchmark"].to_pylist(), ordered["item"].to_pylist(), strict=True)),
    )


def _distinct(digests: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Return the distinct digests that are no empty text, and the first row of each."""
    rows = np.flatnonzero(pc.fill_null(pc.not_equal(digests, ""), False).to_numpy(zero_copy_only=False))
    encoded = digests.take(pa.array(rows)).dictionary_encode()
    first = np.zeros(len(encoded.dictionary), np.int64)
    first[encoded.indices.to_numpy(zero_copy_only=False)[::-1]] = rows[::-1]
    return encoded.dictionary, first
