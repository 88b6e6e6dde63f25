"""Likeness of images: hashes, the exact Hamming join, verification, clusters, and the search for leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from dedup.bands import Band, BandPlan, plan_bands
    from dedup.blocks import block_of, luma_of, pixel_digest
    from dedup.clusters import Dominated, components, dominating_set
    from dedup.colours import COLOURS, colours_of, has_few_colours
    from dedup.dense import DENSE, Folded, dense_rows, fold_dense
    from dedup.errors import LikenessError, PairLimitError
    from dedup.hamming import (
        band_pairs,
        cross_band_pairs,
        cross_pairs_within,
        first_rows,
        pairs_within,
    )
    from dedup.hashes import ImageHashes, dihedral, hash_image, thumbnails
    from dedup.hashlist import read_hash_list, write_hash_list
    from dedup.hashlist_schema import HASH_LIST_SCHEMA
    from dedup.information import DEGENERATE, MINIMUM_QUALITY, degeneracy
    from dedup.joint import BothHashes, BothNear, HeldOutPair, find_pair_leaks, nearest_of_both
    from dedup.leakage import UNKNOWN_QUALITY, HeldOut, Leaks, find_leaks, usable
    from dedup.pairs import Accept, Pairs, brute_cross_pairs, brute_pairs, merge_pairs
    from dedup.pdq import DIHEDRAL, pdq_hashes, pdq_quality, pdq_variants
    from dedup.phash import phash_hashes, phash_variants
    from dedup.ranges import MINIMUM_BUDGET, KeyRange, key_ranges, range_pairs
    from dedup.refusal import CellMeans, cell_means, surely_above
    from dedup.specs import HASH_COLUMNS, HASH_SPEC, PHASH_SPEC, PIXEL_SPEC, THUMBNAIL_SPEC, spec_of
    from dedup.thinning import thin, thin_after
    from dedup.verifier import Verifier
    from dedup.verify import RESIDUAL_LIMIT, VerifiedPairs, residuals, turned, verify_pairs

__all__ = [
    "COLOURS",
    "DEGENERATE",
    "DENSE",
    "DIHEDRAL",
    "HASH_COLUMNS",
    "HASH_LIST_SCHEMA",
    "HASH_SPEC",
    "MINIMUM_BUDGET",
    "MINIMUM_QUALITY",
    "PHASH_SPEC",
    "PIXEL_SPEC",
    "RESIDUAL_LIMIT",
    "THUMBNAIL_SPEC",
    "UNKNOWN_QUALITY",
    "Accept",
    "Band",
    "BandPlan",
    "BothHashes",
    "BothNear",
    "CellMeans",
    "Dominated",
    "Folded",
    "HeldOut",
    "HeldOutPair",
    "ImageHashes",
    "KeyRange",
    "Leaks",
    "LikenessError",
    "PairLimitError",
    "Pairs",
    "VerifiedPairs",
    "Verifier",
    "band_pairs",
    "block_of",
    "brute_cross_pairs",
    "brute_pairs",
    "cell_means",
    "colours_of",
    "components",
    "cross_band_pairs",
    "cross_pairs_within",
    "degeneracy",
    "dense_rows",
    "dihedral",
    "dominating_set",
    "find_leaks",
    "find_pair_leaks",
    "first_rows",
    "fold_dense",
    "has_few_colours",
    "hash_image",
    "key_ranges",
    "luma_of",
    "merge_pairs",
    "nearest_of_both",
    "pairs_within",
    "pdq_hashes",
    "pdq_quality",
    "pdq_variants",
    "phash_hashes",
    "phash_variants",
    "pixel_digest",
    "plan_bands",
    "range_pairs",
    "read_hash_list",
    "residuals",
    "spec_of",
    "surely_above",
    "thin",
    "thin_after",
    "thumbnails",
    "turned",
    "usable",
    "verify_pairs",
    "write_hash_list",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "dedup.bands": ("Band", "BandPlan", "plan_bands"),
        "dedup.blocks": ("block_of", "luma_of", "pixel_digest"),
        "dedup.clusters": ("Dominated", "components", "dominating_set"),
        "dedup.colours": ("COLOURS", "colours_of", "has_few_colours"),
        "dedup.dense": ("DENSE", "Folded", "dense_rows", "fold_dense"),
        "dedup.errors": ("LikenessError", "PairLimitError"),
        "dedup.hamming": ("band_pairs", "cross_band_pairs", "cross_pairs_within", "first_rows", "pairs_within"),
        "dedup.hashes": ("ImageHashes", "dihedral", "hash_image", "thumbnails"),
        "dedup.hashlist": ("read_hash_list", "write_hash_list"),
        "dedup.hashlist_schema": ("HASH_LIST_SCHEMA",),
        "dedup.information": ("DEGENERATE", "MINIMUM_QUALITY", "degeneracy"),
        "dedup.joint": ("BothHashes", "BothNear", "HeldOutPair", "find_pair_leaks", "nearest_of_both"),
        "dedup.leakage": ("UNKNOWN_QUALITY", "HeldOut", "Leaks", "find_leaks", "usable"),
        "dedup.pairs": ("Accept", "Pairs", "brute_cross_pairs", "brute_pairs", "merge_pairs"),
        "dedup.pdq": ("DIHEDRAL", "pdq_hashes", "pdq_quality", "pdq_variants"),
        "dedup.phash": ("phash_hashes", "phash_variants"),
        "dedup.ranges": ("MINIMUM_BUDGET", "KeyRange", "key_ranges", "range_pairs"),
        "dedup.refusal": ("CellMeans", "cell_means", "surely_above"),
        "dedup.specs": ("HASH_COLUMNS", "HASH_SPEC", "PHASH_SPEC", "PIXEL_SPEC", "THUMBNAIL_SPEC", "spec_of"),
        "dedup.thinning": ("thin", "thin_after"),
        "dedup.verifier": ("Verifier",),
        "dedup.verify": ("RESIDUAL_LIMIT", "VerifiedPairs", "residuals", "turned", "verify_pairs"),
    },
)
