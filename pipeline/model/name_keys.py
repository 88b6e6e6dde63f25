"""The key of a distinct name: verbatim name, authorship, rank and classification hints together.

A name is resolved once, however many records bear it, and joined back by this key.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.chunks import whole
from pipeline.model.records import NAME_COLUMNS


def name_ids(table: pa.Table) -> pa.Array:
    """Return one key per row: 128 bits of BLAKE2b over the NAME_COLUMNS, as hex; equal columns give equal keys.

    >>> import pyarrow as pa
    >>> from pipeline.model.records import conform
    >>> rows = conform(pa.table({"scientific_name": ["Puma concolor", "Puma concolor", "Puma"]}))
    >>> keys = name_ids(rows).to_pylist()
    >>> keys[0] == keys[1] != keys[2]
    True
    """
    cells = [pc.fill_null(whole(table.column(name)), "") for name in NAME_COLUMNS]
    joined = pc.binary_join_element_wise(*cells, "\x1f").dictionary_encode()
    keys = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in joined.dictionary.to_pylist()]
    return pa.array(keys, pa.string()).take(joined.indices)
