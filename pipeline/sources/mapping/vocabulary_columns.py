"""Columns in the terms of controlled vocabularies, with the source's text beside them; keys and numbers of an event."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.vocabularies import COUNTRY, LIFE_STAGE, QUALITY_GRADE, SEX, Vocabulary
from pipeline.sources.mapping import columns as c

_NO_KEY = pa.array(["", "unknown", "none", "null", "nan", "n/a", "na", "-1", "-", "not recorded", "unspecified"])
_FARTHEST = 20_037_509.0
"""Metres: half the Earth's circumference."""


def terms_of(values: pa.Array, vocabulary: Vocabulary) -> pa.Array:
    """Return the terms of texts; null where a text is none.

    >>> terms_of(pa.array(["larvae", "blob", None]), LIFE_STAGE).to_pylist()
    ['Larva', None, None]
    """
    if values.null_count == len(values):
        return pa.nulls(len(values), pa.string())
    distinct = values.dictionary_encode()
    found = [vocabulary.find(text) or None for text in distinct.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(distinct.indices)


def organism_columns(sex: pa.Array, life_stage: pa.Array) -> tuple[dict[str, pa.Array], dict[str, c.Mask]]:
    """Return sex and life_stage with what the source writes, and the issues of texts that are no term."""
    columns: dict[str, pa.Array] = {}
    masks: dict[str, c.Mask] = {}
    for name, values, vocabulary in (("sex", sex, SEX), ("life_stage", life_stage, LIFE_STAGE)):
        columns[name], columns[f"{name}_verbatim"] = terms_of(values, vocabulary), values
        masks[f"{name.upper()}_UNLISTED"] = _unlisted(values, columns[name])
    return columns, masks


def country_columns(*stated: pa.Array) -> tuple[dict[str, pa.Array], dict[str, c.Mask]]:
    """Return country_code and country_verbatim, from the first text that names a country; with the issue of none."""
    codes = c.first_of(*(terms_of(values, COUNTRY) for values in stated))
    texts = c.first_of(*stated)
    return {"country_code": codes, "country_verbatim": texts}, {"COUNTRY_UNLISTED": _unlisted(texts, codes)}


def quality_grades(values: pa.Array) -> pa.Array:
    """Return the grades of texts; null where a text is none."""
    return terms_of(values, QUALITY_GRADE)


def stated_keys(values: pa.Array) -> pa.Array:
    """Return keys; null where a key is a word for none.

    >>> stated_keys(pa.array(["A1", "Unknown", "-1", None])).to_pylist()
    ['A1', None, None, None]
    """
    if values.null_count == len(values):
        return values
    none = pc.is_in(pc.utf8_lower(values), value_set=_NO_KEY)
    return pc.if_else(none, None, values) if none.true_count else values


def uncertainty_columns(values: pa.Array) -> tuple[dict[str, pa.Array], dict[str, c.Mask]]:
    """Return coordinate_uncertainty_m, in metres; what no uncertainty can be is null, with an issue.

    >>> uncertainty_columns(pa.array(["30", "0", "far"]))[0]["coordinate_uncertainty_m"].to_pylist()
    [30.0, None, None]
    """
    if values.null_count == len(values):
        return {}, {}
    numbers = c.numbers(values)
    sane = pc.and_(pc.greater(numbers, 0.0), pc.less_equal(numbers, _FARTHEST))
    good = pc.if_else(sane, numbers, None)
    return {"coordinate_uncertainty_m": good}, {"UNCERTAINTY_BAD": _unlisted(values, good)}


def _unlisted(stated: pa.Array, found: pa.Array) -> c.Mask:
    if stated.null_count == len(stated):
        return np.zeros(len(stated), dtype=bool)
    return np.asarray(pc.and_(pc.is_valid(stated), pc.is_null(found)))
