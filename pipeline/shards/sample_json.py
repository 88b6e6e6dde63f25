"""What is told of a sample: one schema that KEY.json, the Parquet of lean shards, README's features and docs follow.

Loaders that infer types, as Hugging Face `datasets` does from the first five samples of whichever shard comes first,
drop keys that those lack and fail on values whose type those did not show. So in KEY.json every sample has every key,
each with one type that any single sample shows:

* text that is not known is `""`;
* a number that may be absent is text, `""` or the number as JSON writes it (`float(text)`), and so is `box`: four
  numbers with blanks between them (`[float(side) for side in box.split()]`, which is empty without a box). JSON has no
  null of type number, and an empty list has no type either;
* a permission that is not known is not given: `license_id` is `""` then.

Parquet states its types, so there the same numbers are numbers, null when absent, and `box` is a list.

Source: datasets 5.2, packaged_modules/webdataset (`NUM_EXAMPLES_FOR_FEATURES_INFERENCE`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

_TEXT, _WHOLE, _REAL, _TRUTH = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_BOX = pa.list_(pa.float64())


def _field(name: str, kind: pa.DataType, comment: str, absent: bool = False) -> pa.Field:
    """Return a field; `absent`: the number may be absent, and is null then."""
    return pa.field(name, kind, nullable=absent, metadata={"comment": comment})


_TAXON = pa.struct(
    [
        _field("accepted_id", _TEXT, "key of the accepted taxon in the taxonomy build"),
        _field("accepted_name", _TEXT, "its name"),
        _field("accepted_rank", _TEXT, "its rank"),
        _field("kingdom", _TEXT, "accepted kingdom"),
        _field("phylum", _TEXT, "accepted phylum"),
        _field("class", _TEXT, "accepted class"),
        _field("order", _TEXT, "accepted order"),
        _field("family", _TEXT, "accepted family"),
        _field("genus", _TEXT, "accepted genus"),
        _field("species", _TEXT, "accepted species, a binomial"),
        _field("vernacular_name", _TEXT, "common name in English"),
        _field("match_type", _TEXT, "how the stated name was matched: EXACT, CANONICAL, FUZZY, ..."),
        _field("taxonomy_build", _TEXT, "digest of the taxonomy that was matched against"),
    ]
)
_CAPTIONS = pa.struct(
    [
        _field("sci", _TEXT, "scientific name"),
        _field("com", _TEXT, "common name"),
        _field("taxon", _TEXT, "all ranks"),
        _field("sci_com", _TEXT, "scientific and common name"),
        _field("taxon_com", _TEXT, "all ranks and common name: what KEY.txt holds"),
    ]
)
_IMAGE = pa.struct(
    [
        _field("width", _WHOLE, "pixels of KEY.jpg"),
        _field("height", _WHOLE, "pixels of KEY.jpg"),
        _field("source_width", _WHOLE, "pixels of the original, upright; of the crop for boxes"),
        _field("source_height", _WHOLE, "pixels of the original, upright; of the crop for boxes"),
        _field("format", _TEXT, "format of the original"),
        _field("quality", _WHOLE, "PDQ quality, 0 to 100: a flat image's hash says little", absent=True),
        _field("source_sha256", _TEXT, "SHA-256 of the original file"),
        _field("pixel_sha256", _TEXT, "SHA-256 of the decoded pixels"),
        _field("phash", _TEXT, "pHash, 16 hex digits"),
        _field("pdq", _TEXT, "PDQ, 64 hex digits"),
    ]
)
SAMPLE_SCHEMA = pa.schema(
    [
        _field("key", _TEXT, "key of the sample, which its members are named after"),
        _field("record_id", _TEXT, "the same, as the catalog calls it"),
        _field("image_id", _TEXT, "key of the image; boxes of one medium are images of their own"),
        _field("group_id", _TEXT, "samples of one group never straddle a split"),
        _field("split", _TEXT, "train or val, or a split that the recipe names"),
        _field("weight", _REAL, "1 / square root of the images of its taxon"),
        _field("taxon", _TAXON, "what it is labelled with"),
        _field("captions", _CAPTIONS, "the five captions"),
        _field("image", _IMAGE, "the image as stored, its original, and their hashes"),
        _field("source", _TEXT, "name of the source in the recipe"),
        _field("release", _TEXT, "download key, DOI, version or date of the release"),
        _field("source_record_id", _TEXT, "the source's key of the record"),
        _field("source_media_id", _TEXT, "the source's key of the medium"),
        _field("occurrence_key", _TEXT, "key of the observed individual or event"),
        _field("scientific_name", _TEXT, "name as the source states it"),
        _field("license_id", _TEXT, "SPDX id or LicenseRef-..."),
        _field("license_family", _TEXT, "CC0, CC-BY, ..."),
        _field("license_verbatim", _TEXT, "licence as the source states it"),
        _field("may_share", _TRUTH, "resized and cropped copies may be passed on"),
        _field("may_change", _TRUTH, "changed copies may be made for one's own use"),
        _field("may_sell", _TRUTH, "copies may be used commercially"),
        _field("rights_holder", _TEXT, "who holds the rights"),
        _field("creator", _TEXT, "who made it"),
        _field("publisher", _TEXT, "who published the record"),
        _field("source_page", _TEXT, "a page that shows the medium"),
        _field("media_url", _TEXT, "where it was fetched from"),
        _field("media_path", _TEXT, "its path in a local store"),
        _field("media_key", _TEXT, "its key across sources"),
        _field("basis_of_record", _TEXT, "dwc:basisOfRecord"),
        _field("image_category", _TEXT, "citizen, specimen, camera_trap, lab, field or unknown"),
        _field("event_date", _TEXT, "dwc:eventDate, verbatim"),
        _field("lat", _REAL, "decimal latitude", absent=True),
        _field("lon", _REAL, "decimal longitude", absent=True),
        _field("data_generalizations", _TEXT, "dwc:dataGeneralizations: what was made less exact of lat and lon"),
        _field("country_code", _TEXT, "ISO 3166-1 alpha-2"),
        _field("sex", _TEXT, "Female, Male, ...: a term of GBIF's vocabulary"),
        _field("life_stage", _TEXT, "Larva, Adult, ...: a term of GBIF's vocabulary"),
        _field("dna_bin", _TEXT, "BOLD barcode index number"),
        _field("box_id", _TEXT, "the source's key of the box"),
        _field("box", _BOX, "left, top, width, height in pixels of the original; KEY.jpg is that part"),
    ]
)
"""One row per sample. A field that is not nullable is in every sample; a text is never null but may be empty."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_COLUMNS_OF = {"key": "record_id"}
_SIDES = ("box_x", "box_y", "box_w", "box_h")


def sample(row: Mapping[str, Any], captions: Mapping[str, str]) -> dict[str, Any]:
    """Return a row of SAMPLE_SCHEMA: of the columns of records, names and media that it is named after, and captions.

    A pure function of its arguments; `box_x` to `box_h` become `box`. Raises KeyError or TypeError for a row without a
    number that every sample has: weight, width, height.

    >>> numbers = dict(weight=0.5, width=3, height=2, source_width=6, source_height=4)
    >>> found = sample({"record_id": "a", "genus": "Puma", "lat": 0.0, "lon": None, **numbers}, {"sci": "a photo."})
    >>> found["key"], found["taxon"]["genus"], found["taxon"]["species"], found["image"]["width"]
    ('a', 'Puma', '', 3)
    >>> found["lat"], found["lon"], found["box"], found["may_sell"], found["captions"]["com"]
    (0.0, None, [], False, '')
    """
    sides = [row.get(side) for side in _SIDES]
    values = {**row, "box": sides if all(map(_is_number, sides)) else []}
    found: dict[str, Any] = {}
    for name, parts, column, make in _PLAIN:
        if parts:
            of = captions if name == "captions" else values
            found[name] = {part: make_part(of.get(of_column)) for part, of_column, make_part in parts}
        else:
            found[name] = make(values.get(column))
    return found


def sample_json(row: Mapping[str, Any]) -> str:
    """Return the text of KEY.json for a row of SAMPLE_SCHEMA: its keys in the schema's order, on one line.

    >>> numbers = dict(weight=0.5, width=3, height=2, source_width=6, source_height=4)
    >>> text = sample_json(sample({"record_id": "a", "lat": 10.5, **numbers}, {}))
    >>> text[:27], '"lat":"10.5","lon":""' in text, text[-21:]
    ('{"key":"a","record_id":"a",', True, '"box_id":"","box":""}')
    """
    return _ENCODER.encode(json_form(row))


def json_form(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what KEY.json says for a row of SAMPLE_SCHEMA, by the module's rules.

    >>> numbers = dict(weight=0.5, width=3, height=2, source_width=6, source_height=4)
    >>> box = dict(box_x=1.0, box_y=2.5, box_w=30.0, box_h=4.0)
    >>> told = json_form(sample({**numbers, **box, "quality": 92}, {}))
    >>> told["box"], told["image"]["quality"]
    ('1.0 2.5 30.0 4.0', '92')
    """
    return {
        name: {part: tell_part(row[name][part]) for part, tell_part in parts} if parts else tell(row[name])
        for name, parts, tell in _TOLD
    }


def json_schema() -> pa.Schema:
    """Return the types of KEY.json: SAMPLE_SCHEMA with text for the numbers that may be absent.

    >>> json_schema().field("lat").type, json_schema().field("weight").type
    (DataType(string), DataType(double))
    """
    return pa.schema([_told_field(field) for field in SAMPLE_SCHEMA])


def key_table() -> Iterator[str]:
    """Return the lines of a Markdown table of all keys, with their types in KEY.json and in Parquet.

    >>> print(*list(key_table())[-2:], sep="\\n")
    | `box_id` | text | text | the source's key of the box |
    | `box` | text | list of numbers | left, top, width, height in pixels of the original; KEY.jpg is that part |
    """
    yield "| key | in KEY.json | in Parquet | what it is |"
    yield "|---|---|---|---|"
    for prefix, field in _leaves(SAMPLE_SCHEMA):
        comment = field.metadata[b"comment"].decode()
        told = _words(_told_field(field))
        yield f"| `{prefix}{field.name}` | {told} | {_words(field)} | {comment} |"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _sides_of(value: Any) -> list[float]:
    return [float(side) for side in value]


def _real_or_none(value: Any) -> float | None:
    return float(value) if _is_number(value) else None


def _whole_or_none(value: Any) -> int | None:
    return int(value) if _is_number(value) else None


def _maker(field: pa.Field) -> Callable[[Any], Any]:
    """Return what makes the value of a field from that of a row."""
    if field.type == _TEXT:
        return _text
    if field.type == _TRUTH:
        return bool
    if field.type == _BOX:
        return _sides_of
    if field.nullable:
        return _real_or_none if field.type == _REAL else _whole_or_none
    return float if field.type == _REAL else int


def _same(value: Any) -> Any:
    return value


def _number_text(value: Any) -> str:
    return "" if value is None else json.dumps(value)


def _box_text(value: Any) -> str:
    return " ".join(map(json.dumps, value))


def _teller(field: pa.Field) -> Callable[[Any], Any]:
    """Return what makes of a field's value what KEY.json says."""
    if field.type == _BOX:
        return _box_text
    return _number_text if field.nullable else _same


def _column(field: pa.Field) -> str:
    name: str = field.name
    return _COLUMNS_OF.get(name, name)


def _parts(field: pa.Field) -> list[pa.Field]:
    return list(field.type) if pa.types.is_struct(field.type) else []


# The schema as plain tuples: asked of Arrow, its fields would cost a sample more than its image does.
_PLAIN = [
    (field.name, [(part.name, _column(part), _maker(part)) for part in _parts(field)], _column(field), _maker(field))
    for field in SAMPLE_SCHEMA
]
_TOLD = [
    (field.name, [(part.name, _teller(part)) for part in _parts(field)], _teller(field)) for field in SAMPLE_SCHEMA
]


def _told_field(field: pa.Field) -> pa.Field:
    if pa.types.is_struct(field.type):
        return field.with_type(pa.struct([_told_field(part) for part in field.type]))
    return field.with_type(_TEXT).with_nullable(False) if field.nullable or field.type == _BOX else field


def _leaves(fields: Any, prefix: str = "") -> Iterator[tuple[str, pa.Field]]:
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _leaves(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix, field


def _words(field: pa.Field) -> str:
    kinds = {_TEXT: "text", _WHOLE: "whole number", _REAL: "number", _TRUTH: "true or false", _BOX: "list of numbers"}
    return kinds[field.type] + (" or null" if field.nullable else "")
