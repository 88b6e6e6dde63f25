"""The error of this package."""

from __future__ import annotations

from manifests.errors import BiomillError


class LikenessError(BiomillError):
    """Hashes, thresholds or hash lists that admit no exact answer."""
