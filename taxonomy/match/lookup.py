"""A built taxonomy, opened: memory-mapped arrays that all processes share, found by name or by id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.index import REMEDY, read_manifest, verify
from taxonomy.build.intervals import lowest_holder
from taxonomy.build.keys import KEY_ARRAYS, SHORTEST
from taxonomy.errors import TaxonomyError
from taxonomy.match.policy import Policy
from taxonomy.names.fuzzy import near_words
from taxonomy.names.hashing import PROBE, name_hashes
from taxonomy.names.ranks import SEVEN
from taxonomy.names.stems import stem_key
from taxonomy.names.taxonomic_status import STATUSES

if TYPE_CHECKING:
    from typing import Self

_ARRAYS = (*KEY_ARRAYS, "parent", "accepted", "ranks", "levels", "status")


@dataclass(frozen=True, slots=True)
class Usage:
    """One usage, for people: what `Taxonomy.usage` gives."""

    usage_id: str
    name: str
    authorship: str
    rank: str
    status: str
    accepted_id: str | None
    parent_id: str | None
    classification: tuple[tuple[str, str], ...]
    """(rank, name) of the accepted taxon, from the kingdom down, ranks without a name left out."""


class Taxonomy:
    """A pinned taxonomy that names are resolved against; made by `build_taxonomy`, opened by `Taxonomy.open`."""

    def __init__(
        self,
        folder: Path,
        index_id: str,
        strings: dict[str, pa.Table],
        arrays: dict[str, npt.NDArray[Any]],
        policy: Policy,
    ) -> None:
        self.folder, self.names, self.words = folder, strings["names"], strings["words"]["word"]
        self.policy, self.build_id = policy, policy.build_id(index_id)
        self.hashes, self.rows = arrays["hashes"], arrays["rows"]
        self.stem_hashes, self.stem_rows = arrays["stem_hashes"], arrays["stem_rows"]
        self.remainders, self.remainder_words = arrays["remainders"], arrays["remainder_words"]
        self.parent, self.accepted, self.ranks = arrays["parent"], arrays["accepted"], arrays["ranks"]
        self.levels, self.status = arrays["levels"], arrays["status"]
        self.first, self.last = arrays["first"], arrays["last"]

    @classmethod
    def open(cls, folder: Path | str, check: bool = False, policy: Policy | None = None) -> Self:
        """Open an index: its manifest and the size of every file are checked, and with `check` every byte.

        `policy` says which matches are good enough; `build_id` is that of the index and the policy together.

        Raises TaxonomyError when the folder is no whole index of this version.

        >>> import tempfile
        >>> from taxonomy import build_taxonomy
        >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
        >>> _ = build_taxonomy(["default"], folder)
        >>> Taxonomy.open(folder, check=True).usage("bm:Felis-concolor").accepted_id
        'bm:Puma-concolor'
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        if check:
            verify(folder)
        probe = int(name_hashes(np.array([PROBE], dtype=object))[0])
        if manifest["hash_probe"] != str(probe):
            raise TaxonomyError("the index was made with another hash function", str(folder), remedy=REMEDY)
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
        strings = {
            name: pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()
            for name in ("names", "words")
        }
        return cls(folder, str(manifest["build_id"]), strings, arrays, policy or Policy())

    def __len__(self) -> int:
        return int(self.names.num_rows)

    def row(self, usage_id: str) -> int:
        """Return the row of a usage, or -1; rows are in the order of ids."""
        ids = self.names["usage_id"]
        low, high = 0, len(self)
        key = usage_id.encode()  # Arrow sorts strings by their bytes
        while low < high:
            middle = (low + high) // 2
            if ids[middle].as_py().encode() < key:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and ids[low].as_py() == usage_id else -1

    def usage(self, usage_id: str) -> Usage:
        """Return one usage; raises TaxonomyError when the taxonomy holds no such id."""
        row = self.row(usage_id)
        if row < 0:
            raise TaxonomyError(f"no such usage: {usage_id!r}", str(self.folder), "an id of this build")
        cells = {name: self.names[name][row].as_py() for name in ("usage_id", "name", "authorship", "rank")}
        names, ids = self.names["name"], self.names["usage_id"]
        accepted, parent = int(self.accepted[row]), int(self.parent[row])
        lineage = [(rank, int(at)) for rank, at in zip(SEVEN, self.ranks[row], strict=True) if at >= 0]
        return Usage(
            cells["usage_id"],
            cells["name"],
            cells["authorship"] or "",
            cells["rank"],
            STATUSES[int(self.status[row])],
            ids[accepted].as_py() if accepted >= 0 else None,
            ids[parent].as_py() if parent >= 0 else None,
            tuple((rank, names[at].as_py()) for rank, at in lineage),
        )

    def find(self, names: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return all (place in `names`, usage row) with exactly that canonical name, ordered by place, then row.

        `names` is an object array of str; an empty string finds nothing.
        """
        place, row = _probe(self.hashes, self.rows, names)
        asked = pa.array(names, pa.string()).take(pa.array(place))
        real = pc.equal(self.names["name"].take(pa.array(row)).combine_chunks(), asked)
        found = pc.fill_null(real, False).to_numpy(zero_copy_only=False).astype(bool) & (names[place] != "")
        return place[found], row[found]

    def find_stems(self, keys: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return all (place in `keys`, usage row) with that `stem_key`, ordered by place, then row.

        >>> import tempfile
        >>> from taxonomy import build_taxonomy
        >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
        >>> _ = build_taxonomy(["default"], folder)
        >>> taxonomy = Taxonomy.open(folder)
        >>> _, rows = taxonomy.find_stems(np.array([stem_key("Passer domestica")], dtype=object))
        >>> taxonomy.names["name"][int(rows[0])].as_py()
        'Passer domesticus'
        """
        place, row = _probe(self.stem_hashes, self.stem_rows, keys)
        names = self.names["name"].take(pa.array(row)).to_pylist()
        same = [stem_key(name) == key != "" for name, key in zip(names, keys[place], strict=True)]
        found = np.array(same, dtype=bool)
        return place[found], row[found]

    def near(self, words: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Return the (word, edits) of this taxonomy that differ by one misspelling, for every lower-case word."""
        return near_words(words, self.words, self.remainders, self.remainder_words, SHORTEST)

    def common(self, rows: list[int]) -> int:
        """Return the row of the lowest taxon that is, or holds, every one of some accepted taxa; -1: none."""
        return lowest_holder(self.parent, self.first, self.last, rows)


def _probe(
    hashes: npt.NDArray[np.uint64], rows: npt.NDArray[np.int32], keys: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return all (place in `keys`, row) whose hash is that of the key, ordered by place, then row."""
    asked = name_hashes(keys)
    # Neighbouring queries share pages of the index when they are asked in its order.
    order = np.argsort(asked, kind="stable")
    low = np.empty(len(keys), dtype=np.int64)
    high = np.empty(len(keys), dtype=np.int64)
    low[order] = np.searchsorted(hashes, asked[order], side="left")
    high[order] = np.searchsorted(hashes, asked[order], side="right")
    count = high - low
    place = np.repeat(np.arange(len(keys), dtype=np.int64), count)
    within = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    return place, np.asarray(rows[low[place] + within], dtype=np.int32)
