"""Samples that come in taxon order leave in an order that says nothing of the taxon."""

from __future__ import annotations

import numpy as np

from pipeline.shards import order_key, pair_rate, shard_count, shard_of

SAMPLES, PER_SHARD, WINDOW = 60_000, 2_000, 256


def taxon_ordered() -> np.ndarray:
    """Taxa as collections have them: few with very many images, many with few, all images of a taxon in a row."""
    sizes = np.maximum(1, (8_000 / np.arange(1, 4_000) ** 1.1)).astype(int)
    return np.repeat(np.arange(sizes.size), sizes)[:SAMPLES]


def test_same_taxon_pairs_within_shards_are_as_frequent_as_by_chance() -> None:
    taxon = taxon_ordered()
    keys = [f"record-{number}" for number in range(taxon.size)]
    shards = shard_count(taxon.size, PER_SHARD)
    before = pair_rate(np.arange(taxon.size) // PER_SHARD, taxon)
    shard = np.array([shard_of(0, key, shards) for key in keys])
    after = pair_rate(shard, taxon)
    place = sorted(range(taxon.size), key=lambda row: (shard[row], order_key(0, keys[row])))
    window = pair_rate(np.arange(taxon.size) // WINDOW, taxon[place])
    print(f"same-taxon pairs over chance: {before:.1f} as they come, {after:.3f} in shards, {window:.3f} in windows")
    assert before > 5
    assert 0.9 <= after <= 1.1
    assert 0.9 <= window <= 1.1
