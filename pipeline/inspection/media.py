"""Licences, media types and hosts of native rows, counted once per distinct value."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.inspection.findings import Findings
from pipeline.model.licences import normalise_licence
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.media_types import EXTENSION, media_kind

_LICENCES = ("license", "WebStatement", "UsageTerms", "rights")
_ADDRESSES = ("accessURI", "bestQualityAccessURI", "identifier")
HOST = r"^(?i:https?)://(?:[^/?#@]*@)?(?P<host>[^/?#:]+)"


def every(table: pa.Table, term: str) -> pa.Array:
    """Return a term's column; where several columns have the term, the first that is filled, row by row."""
    names = [name for name in table.column_names if name.split("#")[0] == term]
    return c.first_of(*[c.text(table, name) for name in names]) if names else c.text(table, term)


def count_licences(table: pa.Table, findings: Findings) -> None:
    """Count the licences that the rows state, by SPDX id, family or what could not be understood."""
    stated = c.first_of(*[every(table, name) for name in _LICENCES])
    for row in pc.value_counts(stated.drop_null()).to_pylist():
        licence = normalise_licence(row["values"])
        findings.licences[licence.reference or licence.family] += row["counts"]


def count_media(table: pa.Table, findings: Findings) -> None:
    """Count the media types and hosts of the rows that have an address."""
    url = c.first_of(*[every(table, name) for name in _ADDRESSES])
    host = pc.utf8_lower(pc.struct_field(pc.extract_regex(url, HOST), "host"))
    addressed = pc.is_valid(host)
    host, url = host.filter(addressed), url.filter(addressed)
    extension = pc.struct_field(pc.extract_regex(url, EXTENSION), "extension")
    kinds, index = c.per_distinct(
        media_kind, every(table, "type").filter(addressed), every(table, "format").filter(addressed), extension
    )
    for row in pc.value_counts(index).to_pylist():
        findings.media_types[kinds[row["values"]].type] += row["counts"]
    findings.hosts += Counter({row["values"]: row["counts"] for row in pc.value_counts(host).to_pylist()})
