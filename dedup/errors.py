"""What the likeness library raises."""

from __future__ import annotations

from manifests.errors import BiomillError


class LikenessError(BiomillError):
    """Hashes, thresholds or lists that admit no exact answer."""


class PairLimitError(LikenessError):
    """More near pairs than the caller gave room for: a dense group of images that are all alike."""
