"""Text tables as people and providers write them: delimiters, quotes, row ends, headers, and what is wrong with a row.

One reader for all of them: releases, published taxonomies and tables of names are cut, checked and parsed by the same
rules, and a row that breaks them costs one row, as a typed `Fault`. It stands beside the recipes, and not in
`taxonomy`, because every package may import this one (as with the root of the errors), and because it is about what
comes from outside, before anybody knows what it means: no records, no outcomes, no names.
"""

from __future__ import annotations

from manifests.tables.dialect import BOM, Dialect
from manifests.tables.faults import Fault, FaultKind
from manifests.tables.header import Header, read_header, split_line, unique_names
from manifests.tables.parts import Part, parse_rows
from manifests.tables.row_ends import (
    BROKEN_QUOTES,
    MAX_QUOTED_BYTES,
    MAX_ROW_BYTES,
    count_fields,
    row_ends,
    table_end,
)
from manifests.tables.sniff import guess_dialect, sniff_dialect, table_rows, true_newline
from manifests.tables.stream import read_parts

__all__ = [
    "BOM",
    "BROKEN_QUOTES",
    "MAX_QUOTED_BYTES",
    "MAX_ROW_BYTES",
    "Dialect",
    "Fault",
    "FaultKind",
    "Header",
    "Part",
    "count_fields",
    "guess_dialect",
    "parse_rows",
    "read_header",
    "read_parts",
    "row_ends",
    "sniff_dialect",
    "split_line",
    "table_end",
    "table_rows",
    "true_newline",
    "unique_names",
]
