"""Likeness of images: hashes, the exact Hamming join, clusters, and the search for leaks of held-out images."""

from __future__ import annotations

from dedup.bands import Band, BandPlan, plan_bands
from dedup.clusters import Dominated, components, dominating_set
from dedup.errors import LikenessError
from dedup.hamming import (
    band_pairs,
    cross_band_pairs,
    cross_pairs_within,
    first_rows,
    pairs_within,
)
from dedup.hashes import DIHEDRAL, HASH_SPEC, ImageHashes, dihedral, hash_image
from dedup.hashlist import HASH_LIST_SCHEMA, read_hash_list, write_hash_list
from dedup.leakage import UNKNOWN_QUALITY, HeldOut, Leaks, find_leaks, usable
from dedup.pairs import Pairs, brute_cross_pairs, brute_pairs, merge_pairs
from dedup.thinning import thin
from dedup.turned import phash_dihedral

__all__ = [
    "DIHEDRAL",
    "HASH_LIST_SCHEMA",
    "HASH_SPEC",
    "UNKNOWN_QUALITY",
    "Band",
    "BandPlan",
    "Dominated",
    "HeldOut",
    "ImageHashes",
    "Leaks",
    "LikenessError",
    "Pairs",
    "band_pairs",
    "brute_cross_pairs",
    "brute_pairs",
    "components",
    "cross_band_pairs",
    "cross_pairs_within",
    "dihedral",
    "dominating_set",
    "find_leaks",
    "first_rows",
    "hash_image",
    "merge_pairs",
    "pairs_within",
    "phash_dihedral",
    "plan_bands",
    "read_hash_list",
    "thin",
    "usable",
    "write_hash_list",
]
