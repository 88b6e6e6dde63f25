"""The leaks of a run's records: what the units found, with equal content and shared occurrences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak
from pipeline.likeness.search import same_content


def record_leaks(
    records: pa.Table,
    node: npt.NDArray[np.int64],
    usable: npt.NDArray[np.bool_],
    found: pa.Table,
    items: pa.Table,
) -> dict[int, Leak]:
    """Bring leaks by bytes, by pixels and by distance together, the strongest evidence per record.

    `node`: place of each record's hashes in `hashes.npy` and `phashes.npy`; `usable`: whether they carry information.
    `found`: FOUND_SCHEMA of all units. `items`: the held-out items.
    """
    leaks = same_content(items, {name: records.column(name).to_pylist() for name in ("sha256", "pixel_sha256")})
    rows = sorted(found.to_pylist(), key=lambda row: (row["hash"], row["distance"]), reverse=True)
    for rule in ("hamming", "phash", LEAK_PAIR, DOUBTFUL):
        # The nearest comes last, and stays.
        by_hash = {row["hash"]: row for row in rows if row["rule"] == rule}
        for index in np.flatnonzero(usable).tolist():
            near = by_hash.get(int(node[index]))
            if near and index not in leaks:
                bits = near["distance"], near["variant"], near["phash_distance"]
                leaks[index] = Leak(near["benchmark"], near["item"], rule, *bits)
    return leaks


def same_occurrence(records: pa.Table, leaks: Mapping[int, Leak]) -> dict[int, Leak]:
    """Return the leaks of other images of an occurrence of which a whole image leaks.

    Boxes are left alone: the other animals of a frame are not the one that is held out.
    """
    key = list(zip(records.column("source").to_pylist(), records.column("occurrence_key").to_pylist(), strict=True))
    box = records.column("box").to_pylist()
    known: dict[tuple[str, str], Leak] = {}
    for index, leak in sorted(leaks.items(), key=lambda pair: (pair[1].benchmark, pair[1].item)):
        if leak.rule != DOUBTFUL and key[index][1] and not box[index]:
            known.setdefault(key[index], leak)
    return {
        index: Leak(known[each].benchmark, known[each].item, "occurrence", -1, -1)
        for index, each in enumerate(key)
        if each in known and index not in leaks and not box[index]
    }
