"""What the mappings of all sources share: cleaning, looking up once per distinct value, and building canonical columns.

Arrays are pyarrow string arrays of one length; null means absent, and so does an empty or blank cell. Work that needs
Python runs once per distinct value where values repeat (licences, media types), once per row only for keys and ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.model.chunks import whole
from pipeline.model.licences import Licence, normalise_licence
from pipeline.model.media_keys import HOST_TOKENS, media_key
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, RECORD_SCHEMA, conform
from pipeline.sources.mapping.media_types import EXTENSION, MediaKind, media_kind
from pipeline.sources.mapping.subject_words import subject_words
from pipeline.sources.mapping.vector_ids import record_id_array

T = TypeVar("T")
Mask = NDArray[np.bool_]

_KEYS = ("source", "source_record_id", "source_media_id", "box_id")
_INAT = r"^https?://(?:static\.inaturalist\.org|inaturalist-open-data\.s3\.amazonaws\.com)/photos/(?P<photo>[1-9]\d*)/"
# Addresses that are their own key: visible ASCII, a host in lower case without a port.
_PLAIN = r"^https?://(?P<address>[a-z0-9.\-]+(?:[/?#][!-~]*)?)$"
_KNOWN_HOSTS = "|".join(re.escape(token) for token in HOST_TOKENS)
_NUMBER = r"^\s*-?\d{1,15}(\.\d*)?([eE]-?\d{1,2})?\s*$"


def text(table: pa.Table, name: str) -> pa.Array:
    """Return a column stripped, blank cells null; all null when the table lacks it."""
    values = verbatim(table, name)
    if values.null_count == len(values) or _is_stripped(values):
        return values
    stripped = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, pa.string()), stripped)


def _is_stripped(values: pa.Array) -> bool:
    """Return, at a glance, whether no value is empty or has space at an end: all begin and end in visible ASCII."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(values.buffers()[2] or b"", dtype=np.uint8)
    begins, ends = offsets[:-1], offsets[1:]
    if values.null_count:
        valid = np.asarray(pc.is_valid(values))
        begins, ends = begins[valid], ends[valid]
    if (begins == ends).any():
        return False
    edges = data[begins], data[ends - 1]
    return not any(((edge <= 0x20) | (edge >= 0x7F)).any() for edge in edges)


def verbatim(table: pa.Table, name: str) -> pa.Array:
    """Return a column as it is; all null when the table lacks it."""
    if name not in table.column_names:
        return pa.nulls(table.num_rows, pa.string())
    column = whole(table.column(name))
    return column if column.type == pa.string() else column.cast(pa.string())


def blank_to_null(values: pa.Array) -> pa.Array:
    """Return the values as they are, but blank ones null."""
    if values.null_count == len(values) or _is_stripped(values):
        return values
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), ""), pa.scalar(None, pa.string()), values)


def first_of(*values: pa.Array) -> pa.Array:
    """Return, row by row, the first value that is not null."""
    return pc.coalesce(*values)


def constant(value: str | None, rows: int) -> pa.Array:
    """Return a column of one value; an empty value is null."""
    return pa.repeat(pa.scalar(value or None, pa.string()), rows)


def is_null(values: pa.Array) -> Mask:
    """Return which values are null."""
    return np.asarray(pc.is_null(values))


def contains(values: pa.Array, pattern: str) -> Mask:
    """Return which values match a pattern (RE2), whatever their case; null does not."""
    if values.null_count == len(values):
        return np.zeros(len(values), dtype=bool)
    distinct = values.dictionary_encode()
    found = pc.match_substring_regex(distinct.dictionary, pattern, ignore_case=True)
    return np.asarray(pc.fill_null(found.take(distinct.indices), False))


def per_distinct(function: Callable[..., T], *arrays: pa.Array) -> tuple[list[T], pa.Array]:
    """Apply a function of strings once per distinct combination; null is given as ''.

    Gives the distinct results and, for every row, the index of its result.

    >>> per_distinct(str.upper, pa.array(["a", "b", "a"]))[0]
    ['A', 'B']
    """
    filled = [pc.fill_null(array, "") for array in arrays]
    # Cells cannot hold the unit separator: the readers refuse it.
    joined = (pc.binary_join_element_wise(*filled, "\x1f") if len(filled) > 1 else filled[0]).dictionary_encode()
    return [function(*key.split("\x1f")) for key in joined.dictionary.to_pylist()], joined.indices


def take(results: Sequence[Any], indices: pa.Array) -> pa.Array:
    """Spread the results of `per_distinct` over the rows; '' becomes null."""
    return pa.array([value or None for value in results], pa.string()).take(indices)


def numbers(values: pa.Array) -> pa.Array:
    """Read decimal numbers; what is none is null."""
    plain = pc.if_else(pc.match_substring_regex(values, _NUMBER), pc.utf8_trim_whitespace(values), None)
    return plain.cast(pa.float64())


def pixels(table: pa.Table, name: str) -> pa.Array:
    """Read a width or height in whole pixels; what cannot be one is null."""
    values = numbers(text(table, name))
    sane = pc.and_(pc.greater(values, 0.0), pc.less(values, 2.0**31))
    return pc.floor(pc.if_else(sane, values, None)).cast(pa.int32())


def equals(table: pa.Table, name: str, value: str) -> Mask:
    """Return in which rows a column has a value, whatever its case."""
    return np.asarray(pc.fill_null(pc.equal(pc.utf8_lower(text(table, name)), value), False))


def capitalised(values: pa.Array) -> pa.Array:
    """Return names with their first letter in upper case, and the rest as it is.

    >>> capitalised(pa.array(["tamias striatus", None])).to_pylist()
    ['Tamias striatus', None]
    """
    first = pc.utf8_upper(pc.utf8_slice_codeunits(values, 0, 1))
    return pc.binary_join_element_wise(first, pc.utf8_slice_codeunits(values, 1), "")


def binomials(genus: pa.Array, species: pa.Array) -> pa.Array:
    """Return species as binomials: a lone epithet gets its genus, a name of two words stays.

    >>> binomials(pa.array(["Lynx", None]), pa.array(["lynx", "Lynx rufus"])).to_pylist()
    ['Lynx lynx', 'Lynx rufus']
    """
    whole = pc.match_substring(species, " ")
    return pc.if_else(whole, species, pc.binary_join_element_wise(genus, species, " "))


def coordinates(latitude: pa.Array, longitude: pa.Array) -> tuple[pa.Array, pa.Array, dict[str, Mask]]:
    """Read decimal degrees; impossible, half or zero-zero positions are null, with an issue."""
    lat, lon = numbers(latitude), numbers(longitude)
    stated = ~(is_null(latitude) & is_null(longitude))
    possible = pc.and_(pc.less_equal(pc.abs(lat), 90.0), pc.less_equal(pc.abs(lon), 180.0))
    possible_mask = np.asarray(pc.fill_null(possible, False))
    zero = possible_mask & np.asarray(pc.fill_null(pc.and_(pc.equal(lat, 0.0), pc.equal(lon, 0.0)), False))
    good = pa.array(possible_mask & ~zero)
    issues = {"COORD_BAD": stated & ~possible_mask, "COORD_ZERO": zero}
    return pc.if_else(good, lat, None), pc.if_else(good, lon, None), issues


def media_keys(urls: pa.Array) -> pa.Array:
    """Return `media_key` of every URL; iNaturalist's own addresses, most of GBIF's media, are read all at once."""
    photo = pc.struct_field(pc.extract_regex(urls, _INAT), "photo")
    keys = pc.binary_join_element_wise("inat", photo, ":")
    if keys.null_count == 0:
        return keys
    plain = pc.struct_field(pc.extract_regex(urls, _PLAIN), "address")
    plain = pc.if_else(pc.match_substring_regex(urls, _KNOWN_HOSTS), pa.scalar(None, pa.string()), plain)
    keys = pc.coalesce(keys, pc.binary_join_element_wise("url", plain, ":"))
    others = is_null(keys)
    if not others.any():
        return keys
    mask = pa.array(others)
    made = [media_key(url) for url in urls.filter(mask).to_pylist()]
    return pc.replace_with_mask(keys, mask, pa.array(made, pa.string()))


def media_columns(
    kind: pa.Array, mime: pa.Array, urls: pa.Array
) -> tuple[dict[str, pa.Array], dict[str, Mask], list[MediaKind]]:
    """Return media_type and media_format, and the issues found in how they were stated."""
    extension = pc.struct_field(pc.extract_regex(pc.fill_null(urls, ""), EXTENSION), "extension")
    kinds, index = per_distinct(media_kind, kind, mime, extension)
    columns = {
        "media_type": take([k.type for k in kinds], index),
        "media_format": take([k.format for k in kinds], index),
    }
    odd = take([k.issue for k in kinds], index)
    codes = sorted({k.issue for k in kinds if k.issue})
    return columns, {code: np.asarray(pc.fill_null(pc.equal(odd, code), False)) for code in codes}, kinds


def licence_columns(
    levels: Sequence[tuple[str, pa.Array]], keys: pa.Array
) -> tuple[dict[str, pa.Array], dict[str, Mask]]:
    """Return the licence columns from the first level (media, record, dataset, default) that states a licence.

    A statement that cannot be understood is not passed over for a more permissive one further down. `keys` are media
    keys: a Creative Commons code without a version is version 4.0 on iNaturalist, by its terms of use.
    """
    rows = len(keys)
    chosen, source = pa.nulls(rows, pa.string()), pa.nulls(rows, pa.string())
    for name, values in levels:
        if chosen.null_count == 0:
            break
        if values.null_count == rows:
            continue
        stated, index = per_distinct(_stated, values)
        own = take(stated, index)
        source = pc.if_else(pc.and_(pc.is_null(chosen), pc.is_valid(own)), name, source)
        chosen = pc.coalesce(chosen, own)
    versions = pc.if_else(pc.starts_with(keys, "inat:"), "4.0", "")
    licences, index = per_distinct(normalise_licence, chosen, versions)
    columns = {
        "license_verbatim": chosen,
        "license_source": source,
        "license_id": take([licence.reference for licence in licences], index),
        "license_family": take([licence.family if licence.known else "" for licence in licences], index),
        "may_share": pa.array([licence.may_share for licence in licences], pa.bool_()).take(index),
        "may_change": pa.array([licence.may_change for licence in licences], pa.bool_()).take(index),
        "may_sell": pa.array([licence.may_sell for licence in licences], pa.bool_()).take(index),
    }
    issue = take([_licence_issue(licence) for licence in licences], index)
    codes = sorted({_licence_issue(licence) for licence in licences} - {""})
    return columns, {code: np.asarray(pc.fill_null(pc.equal(issue, code), False)) for code in codes}


def _stated(raw: str) -> str:
    return "" if normalise_licence(raw).family == "UNSPECIFIED" else raw


def _licence_issue(licence: Licence) -> str:
    if licence.flag.startswith("bad_version"):
        return "LICENSE_BAD_VERSION"
    return {"UNKNOWN": "LICENSE_UNKNOWN", "AMBIGUOUS": "LICENSE_AMBIGUOUS"}.get(licence.family, "")


def issue_lists(masks: Mapping[str, Mask], rows: int, own: pa.Array | None = None, separator: str = ";") -> pa.Array:
    """Return every row's issue codes, sorted; `own` is the source's own list of codes, joined by a separator."""
    distinct: list[list[str]] = [[]]
    state = np.zeros(rows, dtype=np.int64)
    if own is not None and own.null_count < len(own):
        distinct, index = per_distinct(lambda codes: [c for c in codes.split(separator) if c], own)
        state = np.asarray(index).astype(np.int64)
    for code, mask in masks.items():
        if mask.any():
            # Every list that some row has is written once; rows point to theirs.
            pairs, state = np.unique(2 * state + mask, return_inverse=True)
            distinct = [distinct[pair // 2] + ([code] if pair % 2 else []) for pair in pairs.tolist()]
    kinds = pa.array([sorted(set(codes)) if len(codes) > 1 else codes for codes in distinct], pa.list_(pa.string()))
    return kinds.take(pa.array(state))


def records(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """Build the record table: absent columns are null, `record_id` is made from the keys."""
    unknown = sorted(set(columns) - set(RECORD_SCHEMA.names))
    assert not unknown, f"not in RECORD_SCHEMA: {unknown}"
    made = dict(columns)
    if "subject_words" not in made:
        made["subject_words"] = subject_words(made, rows)
    made["record_id"] = _record_ids(*(whole(made[name]) for name in _KEYS))
    arrays = [whole(made[f.name]) if f.name in made else pa.nulls(rows, f.type) for f in RECORD_SCHEMA]
    return conform(pa.Table.from_arrays(arrays, RECORD_SCHEMA.names))


def _record_ids(sources: pa.Array, records_: pa.Array, media: pa.Array, boxes: pa.Array) -> pa.Array:
    (source,) = pc.unique(sources).to_pylist() or [""]
    return record_id_array(source, records_, media, boxes)


def evidence_of(rule: str, values: pa.Array) -> pa.Array:
    """Return the evidence of rows that end by one rule: JSON of the rule and every row's own value.

    >>> evidence_of("why", pa.array(["a", 'b"'])).to_pylist()
    ['{"rule": "why", "value": "a"}', '{"rule": "why", "value": "b\\\\""}']
    """
    filled = pc.fill_null(values, "")
    start = json.dumps({"rule": rule, "value": ""}, ensure_ascii=False).removesuffix('"}')
    whole = pc.binary_join_element_wise(start, filled, '"}', "")
    escaped = pc.match_substring_regex(filled, r'["\\\x00-\x1f]')
    texts = [
        json.dumps({"rule": rule, "value": value}, ensure_ascii=False) for value in filled.filter(escaped).to_pylist()
    ]
    return pc.replace_with_mask(whole, escaped, pa.array(texts, pa.string()))


def ended_rows(
    table: pa.Table,
    source: str,
    outcome: Outcome,
    row_ids: list[str] | pa.Array,
    evidence: list[Any] | pa.Array,
    others: Sequence[str | None] = (),
) -> pa.Table:
    """Build the ledger of rows that end for one reason; `table` gives their locators, `others` whom they lost to.

    `evidence` is JSON made by `evidence_of`, or objects that are written as JSON here.
    """
    rows = table.num_rows
    if isinstance(evidence, list):
        texts = [json.dumps(item, sort_keys=True, ensure_ascii=False) for item in evidence]
        evidence = pa.array(texts, pa.string())
    columns = {
        "row_id": pa.array(row_ids, pa.string()) if isinstance(row_ids, list) else row_ids,
        "source": constant(source, rows),
        "outcome": constant(outcome.code, rows),
        "evidence": evidence,
        "other_id": pa.array(others or [None] * rows, pa.string()),
        **{name: whole(table.column(name)) for name in ("locator_file", "locator_row", "locator_offset")},
    }
    arrays = [columns.get(field.name, pa.nulls(rows, field.type)) for field in ENDED_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=ENDED_SCHEMA)


def row_texts(table: pa.Table) -> list[str]:
    """Return the content of every row, locators left out, as one text: what equal rows have in common."""
    names = [name for name in table.column_names if not name.startswith("locator_")]
    cells = [pc.fill_null(verbatim(table, name), "") for name in sorted(names)]
    if not cells:
        return [""] * table.num_rows
    joined: list[str] = pc.binary_join_element_wise(*cells, "\x1f").to_pylist()
    return joined
