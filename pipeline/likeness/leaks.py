"""The leaks of a run's records: what the units found, with equal content and shared occurrences."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR
from pipeline.likeness.record_leaks import RULES, RecordLeaks
from pipeline.likeness.records.candidates import Rows, row_type
from pipeline.likeness.search import same_content


def record_leaks(
    digests: pa.Table | Iterable[pa.RecordBatch],
    node: Rows,
    usable: npt.NDArray[np.bool_],
    found: pa.Table,
    items: pa.Table,
    image: Rows | None = None,
) -> RecordLeaks:
    """Bring leaks by bytes, by pixels and by distance together, the strongest evidence per record.

    `digests`: sha256 and pixel_sha256 of the records, in order; or of images, of which `image[i]` is that of record i.
    `node`: place of each record's hashes in `hashes.npy` and `phashes.npy`; `usable`: whether they carry information.
    `found`: FOUND_SCHEMA of all units. `items`: the held-out items.
    """
    leaks = same_content(items, digests)
    leaks = leaks if image is None else leaks.spread(image)
    taken = np.zeros(len(node), np.bool_)
    taken[leaks.record] = True
    hashes, distance = found["hash"].to_numpy(), found["distance"].to_numpy()
    for rule in ("hamming", "phash", LEAK_PAIR, DOUBTFUL):
        rows = np.flatnonzero(pc.equal(found["rule"], rule).to_numpy(zero_copy_only=False))
        # The nearest counts, of equally near ones the last.
        rows = rows[np.lexsort((-rows, distance[rows], hashes[rows]))]
        rows = rows[np.flatnonzero(np.diff(hashes[rows], prepend=-1))]
        if not len(rows):
            continue
        nearest = np.full(1 + max(int(node.max(initial=0)), int(hashes.max())), -1, row_type(len(found)))
        nearest[hashes[rows]] = np.arange(len(rows))
        records = np.flatnonzero(usable & ~taken & (nearest[node] >= 0))
        taken[records] = True
        leaks = leaks.joined(_near(found.take(pa.array(rows)), rule, records, nearest[node[records]]))
    return leaks


def _near(found: pa.Table, rule: str, records: Rows, at: Rows) -> RecordLeaks:
    distance, variant, phash = (
        found[name].to_numpy().astype(np.int16)[at] for name in ("distance", "variant", "phash_distance")
    )
    names = list(zip(found["benchmark"].to_pylist(), found["item"].to_pylist(), strict=True))
    rules = np.full(len(records), RULES.index(rule), np.uint8)
    return RecordLeaks(records, at.astype(np.int32), rules, distance, variant, phash, names)


def same_occurrence(occurrence: Rows, box: npt.NDArray[np.bool_], leaks: RecordLeaks) -> RecordLeaks:
    """Return the leaks of other images of an occurrence of which a whole image leaks.

    `occurrence`: of every record the first one of its occurrence, itself where it has none. Boxes are left alone: the
    other animals of a frame are not the one that is held out.
    """
    telling = np.flatnonzero(~leaks.of_rule(DOUBTFUL) & ~box[leaks.record])
    ordered = sorted(range(len(leaks.names)), key=leaks.names.__getitem__)
    rank = np.empty(len(ordered), np.int64)
    rank[ordered] = np.arange(len(ordered))
    # Of several items the first by name is told, which is written last.
    telling = telling[np.argsort(-rank[leaks.item[telling]], kind="stable")]
    known = np.full(len(occurrence), -1, np.int32)
    known[occurrence[leaks.record[telling]]] = leaks.item[telling]
    leaking = np.zeros(len(occurrence), np.bool_)
    leaking[leaks.record] = True
    records = np.flatnonzero((known[occurrence] >= 0) & ~leaking & ~box)
    none = np.full(len(records), -1, np.int16)
    rules = np.full(len(records), RULES.index("occurrence"), np.uint8)
    return RecordLeaks(records, known[occurrence[records]], rules, none, none, none, leaks.names)
