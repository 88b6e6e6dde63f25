"""A drawn table of recordings with several species each, made in sessions: the shape of a published set of sounds.

Of 182 species some 140 are in three recordings or more; 4,182 recordings, of one to six species, lie in 1,161 sessions
whose species come from what lives at their place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.splits.stratified import Entries

RECORDINGS, SESSIONS, SPECIES = 4_182, 1_161, 182
Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


def draw(seed: int) -> Pairs:
    """Return one entry for each species of each recording: its session, recording and species, as numbers."""
    chance = np.random.default_rng(seed)
    weight = np.exp(chance.normal(0, 1.9, SPECIES))
    sessions = np.sort(chance.choice(SESSIONS, RECORDINGS - SESSIONS))
    session_of = np.sort(np.concatenate([np.arange(SESSIONS), sessions]))
    place_of = chance.integers(0, 60, SESSIONS)
    local = weight * (chance.random((60, SPECIES)) < 0.25)
    found: list[tuple[int, int, int]] = []
    for recording, session in enumerate(session_of.tolist()):
        odds = local[place_of[session]]
        many = min(1 + int(chance.geometric(0.65)) - 1, 6) or 1
        for species in chance.choice(SPECIES, many, replace=False, p=odds / odds.sum()).tolist():
            found.append((session, recording, species))
    session, recording, species = np.array(sorted(found), np.int64).T
    return session, recording, species


def entries_of(group: npt.NDArray[np.int64], label: npt.NDArray[np.int64], seed: int) -> Entries:
    """Return how many recordings of each species each group has."""
    groups = int(group.max()) + 1
    pairs, rows = np.unique(np.stack([group, label]), axis=1, return_counts=True)
    order = np.random.default_rng(seed).integers(0, 2**63, groups).astype(np.uint64)
    return Entries(pairs[0], pairs[1], rows.astype(np.int64), groups, SPECIES, order)
