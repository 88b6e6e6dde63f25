"""What a leak is: the held-out item, and the rule by which a training image may be it."""

from __future__ import annotations

from dataclasses import dataclass

DOUBTFUL = "doubtful"
"""Rule of a leak of a held-out image whose own hash carries too little information."""
LEAK_PAIR = "leak_pair"
"""Rule of a leak found by pHash and PDQ at once, within `leak_pair_phash` and `leak_pair_pdq`."""


@dataclass(frozen=True, slots=True)
class Leak:
    """The held-out item that a training image leaks."""

    benchmark: str
    item: str
    rule: str
    """bytes, pixels, hamming, phash, leak_pair, occurrence or doubtful."""
    distance: int
    """In bits, of the hash that the rule compares; of the PDQ where it compares two."""
    variant: int
    phash_distance: int = -1
    """Of the pHash, where a rule compares two hashes."""
