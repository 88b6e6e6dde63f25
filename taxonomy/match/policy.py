"""The policy of a resolution: which matches are good enough, and what is not tried at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from taxonomy.errors import TaxonomyError
from taxonomy.names.ranks import SEVEN

QUALIFIERS = ("species", "genus")


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and switches; part of the build id that every answer carries.

    >>> Policy().digest == Policy(fuzzy=False).digest
    False
    """

    minimum_confidence: int = 80
    """Least confidence (0 to 100) of a match of the name itself; a worse one falls to the next rung."""
    minimum_higher_confidence: int = 90
    """Least confidence of a match of the genus, or of a higher hint."""
    fuzzy: bool = True
    """Whether one differing letter per word is forgiven, when nothing else fits."""
    fuzzy_shortest: int = 5
    """Letters of the shortest epithet that may differ; a genus may have one letter less, but costs twice as much."""
    qualifiers: str = "species"
    """What 'cf.' and '?' fall to: the 'species' that is compared with, or its 'genus'. 'aff.' and 'sp.' are genera."""
    minimum_rank: str = "kingdom"
    """Highest rank of an answer, one of SEVEN; what stands above it is no answer."""
    strict: bool = False
    """Only the name itself, as written: no stems, no letters, no higher ranks, no other author, rank or kingdom."""
    exclude: tuple[str, ...] = ()
    """Usage ids that are never an answer, nor anything below them."""

    def __post_init__(self) -> None:
        if self.qualifiers not in QUALIFIERS:
            raise TaxonomyError(f"no such rule for qualifiers: {self.qualifiers!r}", expected=" or ".join(QUALIFIERS))
        if self.minimum_rank not in SEVEN:
            raise TaxonomyError(f"no such rank: {self.minimum_rank!r}", expected="one of " + ", ".join(SEVEN))
        for name in ("minimum_confidence", "minimum_higher_confidence"):
            if not 0 <= getattr(self, name) <= 100:
                raise TaxonomyError(f"{name} is {getattr(self, name)}", expected="a number from 0 to 100")
        if self.fuzzy_shortest < 5:
            raise TaxonomyError(
                f"fuzzy_shortest is {self.fuzzy_shortest}",
                expected="5 or more: in shorter words one letter means another word",
            )

    @property
    def digest(self) -> str:
        """Sha256 of the policy, as hex."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def build_id(self, index: str) -> str:
        """Return the id of what answers depend on: that of the index, and of a policy that is not the default.

        >>> Policy().build_id("abc"), len(Policy(strict=True).build_id("abc"))
        ('abc', 64)
        """
        if self == Policy():
            return index
        return hashlib.sha256(f"{index}\n{self.digest}".encode()).hexdigest()
