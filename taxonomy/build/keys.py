"""The keys of an index, as arrays: exact names, stems, remainders of words, and interval labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.names.fuzzy import write_remainders
from taxonomy.names.hashing import name_hashes
from taxonomy.build.intervals import intervals
from taxonomy.build.lineage import Rows
from taxonomy.names.stems import stem, stem_key

KEY_ARRAYS = ("hashes", "rows", "stem_hashes", "stem_rows", "remainders", "remainder_words", "first", "last")
SHORTEST = 4
"""Letters of the shortest word whose remainders are kept; a policy may ask for longer ones only."""
_BLOCK = 1 << 18


def write_keys(folder: Path, names: pa.ChunkedArray, matchable: npt.NDArray[np.bool_], parent: Rows) -> None:
    """Write KEY_ARRAYS and the words of an index: `names` of all usages, and which of them may be matched at all."""
    rows = np.flatnonzero(matchable).astype(np.int32)
    picked = pc.fill_null(names.take(pa.array(rows)).combine_chunks(), "")
    save(folder, "hashes", "rows", *_sorted(hash_strings(picked), rows))
    distinct = pc.unique(picked)
    words, stems = _words(distinct)
    by_name = _stem_keys(distinct, stems)
    keyed = by_name.take(pc.index_in(picked, value_set=distinct))
    has = pc.fill_null(pc.not_equal(keyed, ""), False).to_numpy(zero_copy_only=False).astype(bool)
    save(folder, "stem_hashes", "stem_rows", *_sorted(hash_strings(keyed.filter(pa.array(has))), rows[has]))
    for name, array in write_remainders(words, SHORTEST).items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    table = pa.table({"word": pa.array(words, pa.string())})
    with pa.OSFile(str(folder / "words.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    first, last = intervals(parent)
    np.save(folder / "first.npy", first, allow_pickle=False)
    np.save(folder / "last.npy", last, allow_pickle=False)


def hash_strings(strings: pa.Array) -> npt.NDArray[np.uint64]:
    """Hash a string array, a block at a time, so that its Python strings never all exist at once."""
    parts = [
        name_hashes(strings.slice(start, _BLOCK).to_numpy(zero_copy_only=False).astype(object))
        for start in range(0, len(strings), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def save(folder: Path, one: str, other: str, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> None:
    """Save two arrays that belong together."""
    np.save(folder / f"{one}.npy", first, allow_pickle=False)
    np.save(folder / f"{other}.npy", second, allow_pickle=False)


def _sorted(hashes: npt.NDArray[np.uint64], rows: Rows) -> tuple[npt.NDArray[np.uint64], Rows]:
    order = np.lexsort((rows, hashes))
    return hashes[order], rows[order]


def _words(names: pa.Array) -> tuple[list[str], dict[str, str]]:
    """Return all words (first words in lower case, epithets, stems), sorted, and the stem of every epithet."""
    found: set[str] = set()
    stems: dict[str, str] = {}
    for start in range(0, len(names), _BLOCK):
        split = pc.split_pattern(names.slice(start, _BLOCK), " ")
        first = pc.utf8_lower(pc.unique(pc.list_element(split, 0)))
        found.update(first.to_pylist())
        others = pc.list_flatten(pc.list_slice(split, 1, 6))
        for word in pc.unique(others).to_pylist():
            if word not in stems:
                stems[word] = stem(word)
    found.update(stems)
    found.update(stems.values())
    found.discard("")
    return sorted(found), stems


def _stem_keys(names: pa.Array, stems: dict[str, str]) -> pa.Array:
    """Return the `stem_key` of every name; the stems of common words are looked up, not made again."""
    parts = []
    for start in range(0, len(names), _BLOCK):
        keys = []
        for name in names.slice(start, _BLOCK).to_pylist():
            first, *others = name.split(" ")
            plain = 0 < len(others) < 6 and name.replace(" ", "").replace("-", "").isalpha()
            keys.append(" ".join([first, *(stems[word] for word in others)]) if plain else stem_key(name))
        parts.append(pa.array(keys, pa.string()))
    return pa.concat_arrays(parts) if parts else pa.array([], pa.string())
