"""Which mutants are tried: the same ones for the same seed, and as few others as can be when a file changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.mutant import Mutant
from tests.mutation.operators import differs, mutants


def sample(root: Path, packages: Sequence[str], seed: int, size: int) -> list[Mutant]:
    """Return about `size` mutants, as many of each package, drawn from all that can be made of it.

    A mutant is drawn by a digest of the seed and of what it is, not by its place in a list: changing one function
    leaves the choice among all others as it was.
    """
    share = -(-size // len(packages))
    chosen: list[Mutant] = []
    for package in packages:
        paths = sorted((root / package).rglob("*.py"))
        sources = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}
        every = [mutant for file, source in sources.items() for mutant in mutants(file, source)]
        every.sort(key=lambda mutant: hashlib.sha256(f"{seed}:{mutant.key}".encode()).digest())
        drawn: list[Mutant] = []
        for mutant in every:
            if len(drawn) == share:
                break
            if differs(mutant, sources[mutant.file]):
                drawn.append(mutant)
        chosen += drawn
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.start, mutant.becomes))
