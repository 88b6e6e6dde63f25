"""Names that look scientific and belong to nobody: stems of three syllables, with the ending of their rank.

A stem is drawn from a seed and used once in a whole tree, so that no two names share a word, not even an epithet. No
name holds another's stem either, as a family's holds that of its type genus in zoology: what a model knows of a family
it must have learned from pictures and lineages, not from spelling.
"""

from __future__ import annotations

import random

_SYLLABLES = (
    *("bal", "cor", "dru", "fen", "gla", "hir", "lar", "mel", "nov", "pel", "quar", "ren", "sil", "tor", "ulm", "ven"),
    *("xan", "zer", "bri", "cly", "dol", "fra", "gor", "hel", "kin", "lun", "mor", "nep", "phy", "rho", "spi", "thal"),
)
_ENDINGS = {
    "kingdom": ("ia",),
    "phylum": ("ozoa", "ophyta"),
    "class": ("opsida",),
    "order": ("iformes",),
    "family": ("idae",),
    "genus": ("us", "a", "um"),
}
_EPITHETS = {"us": ("atus", "inus", "ensis"), "a": ("ata", "ina", "ensis"), "um": ("atum", "inum", "ense")}


class Namer:
    """Names from a seed, each of them once.

    >>> namer = Namer(1)
    >>> namer.uninomial("family").endswith("idae"), Namer(1).uninomial("family") == Namer(1).uninomial("family")
    (True, True)
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}|names")
        self._used: set[str] = set()

    def uninomial(self, rank: str) -> str:
        """Return the next name of a rank above the species, capitalised."""
        return f"{self._stem()}{self._chance.choice(_ENDINGS[rank])}".capitalize()

    def binomial(self, genus: str) -> str:
        """Return the next species of a genus; its epithet agrees with the genus."""
        gender = next(ending for ending in ("us", "um", "a") if genus.endswith(ending))
        return f"{genus} {self._stem()}{self._chance.choice(_EPITHETS[gender])}"

    def common_name(self) -> str:
        """Return the next common name: a word of its own, which no other name holds."""
        return self._stem()

    def _stem(self) -> str:
        while True:
            # A stem that repeats a syllable reads as a misprint.
            stem = "".join(self._chance.sample(_SYLLABLES, 3))
            if stem not in self._used:
                self._used.add(stem)
                return stem
