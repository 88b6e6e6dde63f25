"""Classification hints: read them once, and say for every candidate whether they agree with its lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.match.questions import HINTS, Questions
from taxonomy.names.kingdoms import kingdoms_differ, normalise_kingdom

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

UNKNOWN, AGREE, DISAGREE = 0, 1, 2
"""What one hint says about one candidate."""
_NEIGHBOURS = (
    ("Fungi", "Chromista", "Protozoa", "Protista"),
    ("Bacteria", "Archaea"),
    ("Plantae", "Chromista", "Protozoa"),
)
"""Kingdoms between which taxa were moved in living memory: one for the other speaks against a match, not for sure."""
_OTHER_FAMILY_NAMES = {
    "Compositae": "Asteraceae", "Cruciferae": "Brassicaceae", "Gramineae": "Poaceae", "Guttiferae": "Clusiaceae",
    "Labiatae": "Lamiaceae", "Leguminosae": "Fabaceae", "Palmae": "Arecaceae", "Papilionaceae": "Fabaceae",
    "Umbelliferae": "Apiaceae",
}  # fmt: skip
"""The family names that may be used beside those from a genus (ICN article 18.5), and their regular names."""


class HintReader:
    """Compares the hints of questions with the lineages of candidates, on whole arrays."""

    def __init__(self, taxonomy: Taxonomy, questions: Questions) -> None:
        self.taxonomy = taxonomy
        self.codes: list[npt.NDArray[np.int64]] = []
        self.words: list[list[str]] = []
        self.rows: list[npt.NDArray[np.int32]] = []
        for slot, hint in enumerate(HINTS):
            encoded = pa.array(questions.hints[hint], pa.string()).dictionary_encode()
            words = [_OTHER_FAMILY_NAMES.get(word, word) for word in encoded.dictionary.to_pylist()]
            self.words.append(words)
            self.codes.append(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64))
            self.rows.append(self._taxa(np.array(words, dtype=object), slot))

    def _taxa(self, words: npt.NDArray[Any], slot: int) -> npt.NDArray[np.int32]:
        """Return the accepted taxa of that rank which each word names (directly or as a synonym), padded with -2."""
        place, row = self.taxonomy.find(words)
        named = (np.asarray(self.taxonomy.levels)[row] == (slot + 1) * 10) & (self.taxonomy.accepted[row] >= 0)
        place, row = place[named], self.taxonomy.ranks[row[named], slot]
        width = int(np.bincount(place, minlength=1).max()) if len(place) else 1
        taxa = np.full((len(words), max(1, width)), -2, dtype=np.int32)
        nth = np.arange(len(place)) - np.searchsorted(place, place, side="left")
        taxa[place, nth] = np.where(row >= 0, row, -2)
        return taxa

    def agreement(
        self, question: npt.NDArray[np.int64], row: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
        """Return for every pair and hint whether they agree; and which pairs stand in neighbouring kingdoms."""
        result = np.zeros((len(row), len(HINTS)), dtype=np.int8)
        apart = np.zeros(len(row), dtype=bool)
        lineage = np.asarray(self.taxonomy.ranks[row])
        for slot in range(len(HINTS)):
            code = self.codes[slot][question]
            stated = np.array([word != "" for word in self.words[slot]], dtype=bool)[code]
            both = np.flatnonzero(stated & (lineage[:, slot] >= 0))
            if len(both) == 0:
                continue
            if slot == 0:
                said, near = self._kingdoms(code[both], lineage[both, 0])
                result[both, 0], apart[both] = said, near
                continue
            same = (self.rows[slot][code[both]] == lineage[both, slot : slot + 1]).any(axis=1)
            # A taxonomy may hold a family twice, under two orders: its name is then the same name.
            other = np.flatnonzero(~same)
            if len(other):
                words = pa.array(self.words[slot], pa.string()).take(pa.array(code[both[other]]))
                names = self.taxonomy.names["name"].take(pa.array(lineage[both[other], slot])).combine_chunks()
                same[other] = pc.equal(words, names).to_numpy(zero_copy_only=False)
            result[both, slot] = np.where(same, AGREE, DISAGREE)
        # The genus that is stated may be the genus of the name itself, from before it was moved.
        moved = np.flatnonzero(result[:, 5] == DISAGREE)
        if len(moved):
            names = self.taxonomy.names["name"].take(pa.array(row[moved])).to_pylist()
            own = [self.words[5][code] for code in self.codes[5][question[moved]].tolist()]
            kept = [name.split(" ")[0] == genus for name, genus in zip(names, own, strict=True)]
            result[moved[np.array(kept, dtype=bool)], 5] = AGREE
        return result, apart

    def _kingdoms(self, code: Any, row: Any) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
        pairs, back = np.unique(np.stack([code, row.astype(np.int64)]), axis=1, return_inverse=True)
        names = self.taxonomy.names["name"].take(pa.array(pairs[1])).to_pylist()
        hints = [self.words[0][int(a)] for a in pairs[0].tolist()]
        said = [_kingdom(hint, name) for hint, name in zip(hints, names, strict=True)]
        near = [_neighbours(hint, name) for hint, name in zip(hints, names, strict=True)]
        back = back.reshape(-1)
        return np.array(said, dtype=np.int8)[back], np.array(near, dtype=bool)[back]


def _kingdom(hint: str, name: str) -> int:
    if hint == name or (normalise_kingdom(hint) or hint) == (normalise_kingdom(name) or name):
        return AGREE
    return DISAGREE if kingdoms_differ(hint, name) and not _neighbours(hint, name) else UNKNOWN


def _neighbours(hint: str, name: str) -> bool:
    one, other = normalise_kingdom(hint), normalise_kingdom(name)
    return one != other and any(one in group and other in group for group in _NEIGHBOURS)
