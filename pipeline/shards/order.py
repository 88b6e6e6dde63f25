"""Which shard a sample goes to and where in it: a global shuffle that needs no coordination.

Both follow from seed and key alone, so that any number of workers writes the same shards, and a sample that is added
later moves no other. Shard and order come from differently salted hashes; from one hash, shard 0 of 2 would hold only
even order keys, and the shards' shuffles would not be independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.model.ids import hash64
from pipeline.model.vector_hashes import hash64_array, hexadecimal

SHARD_DIGITS = 6
_SHARD, _ORDER = "shard", "order"  # salts


def shard_hash(seed: int, key: str) -> int:
    """Return the 64-bit hash that decides a sample's shard: `shard_of` is its remainder by the number of shards.

    >>> shard_hash(0, "a") % 4 == shard_of(0, "a", 4)
    True
    """
    return hash64(seed, f"{_SHARD}:{key}")


def shard_of(seed: int, key: str, shards: int) -> int:
    """Return the shard of a sample, from 0 to `shards` - 1.

    Sizes vary as those of balls thrown into boxes do: about 1 % at 10,000 samples a shard.
    Raises ValueError for fewer shards than one.

    >>> [shard_of(0, key, 4) for key in ("a", "b", "c")]
    [1, 3, 3]
    """
    if shards < 1:
        raise ValueError(f"a dataset has at least one shard, not {shards}")
    return shard_hash(seed, key) % shards


def order_key(seed: int, key: str) -> tuple[int, str]:
    """Return the sort key of a sample within its shard; the key itself decides between equal hashes.

    >>> order_key(0, "a")[1]
    'a'
    """
    return hash64(seed, f"{_ORDER}:{key}"), key


def shard_hashes(seed: int, keys: pa.Array) -> NDArray[np.uint64]:
    """Return `shard_hash` of every key.

    >>> shard_hashes(0, pa.array(["a"])).tolist() == [shard_hash(0, "a")]
    True
    """
    return hash64_array(seed, _SHARD, keys)


def order_texts(seed: int, keys: pa.Array) -> pa.Array:
    """Return texts that sort as `order_key` of every key does, but for equal hashes.

    >>> order_texts(0, pa.array(["a"])).to_pylist() == [f"{order_key(0, 'a')[0]:016x}"]
    True
    """
    return hexadecimal(hash64_array(seed, _ORDER, keys))


def shard_names(seed: int, prefix: str, counts: Mapping[str, int], splits: pa.Array, keys: pa.Array) -> pa.Array:
    """Return the shard of every sample by its split and key, where split S has `counts[S]` shards, 'PREFIX-S-...'.

    >>> shard_names(0, "demo", {"train": 4}, pa.array(["train", "train"]), pa.array(["a", "b"])).to_pylist()
    ['demo-train-000001.tar', 'demo-train-000003.tar']
    """
    known = sorted(counts)
    every = [shard_name(f"{prefix}-{split}", shard) for split in known for shard in range(counts[split])]
    sizes = np.array([counts[split] for split in known], np.uint64)
    firsts = np.cumsum(sizes) - sizes
    at = pc.index_in(splits, pa.array(known, pa.string())).to_numpy(zero_copy_only=False).astype(np.int64)
    return pa.array(every, pa.string()).take(pa.array(firsts[at] + shard_hashes(seed, keys) % sizes[at]))


def shard_count(samples: int, samples_per_shard: int) -> int:
    """Return the number of shards of a dataset: enough for `samples_per_shard` on average, and at least one.

    >>> shard_count(0, 10), shard_count(10, 10), shard_count(11, 10)
    (1, 1, 2)
    """
    return max(1, -(-samples // samples_per_shard))


def bounded_count(samples: int, start: int, limit: int, largest: Callable[[int], int]) -> int:
    """Return the first number of shards, from `start` on, whose largest shard has at most `limit` bytes.

    `largest` gives the bytes of the largest of so many shards. The number grows by a twentieth from try to try, and
    ends at the number of samples: a single sample is never cut.

    >>> bounded_count(100, 1, 30, lambda shards: 100 // shards)
    4
    """
    shards = start
    while shards < samples and largest(shards) > limit:
        shards = min(samples, shards + max(1, shards // 20))
    return shards


def shard_name(prefix: str, shard: int) -> str:
    """Return the file name of a shard.

    >>> shard_name("demo", 7)
    'demo-000007.tar'
    """
    return f"{prefix}-{shard:0{SHARD_DIGITS}d}.tar"
