"""A table of traits of taxa, brought as Parquet: `accepted_id`, and columns of numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.evaluate.embeddings import column_of
from pipeline.evaluate.measures.vectors import Codes, Numbers
from pipeline.model.errors import EvaluationError

_TAXON = "accepted_id"


@dataclass(frozen=True, slots=True)
class Traits:
    """The traits of some classes."""

    classes: Codes
    """int64[taxa]: numbers of the classes that have all traits, ascending."""
    values: Numbers
    """float64[taxa, traits]"""
    names: tuple[str, ...]


def read_traits(path: str | os.PathLike[str], classes: Sequence[str]) -> Traits:
    """Read the traits of classes, by the ids of their taxa.

    Taxa of other ids, taxa that lack a trait, and columns that are no numbers are passed over. Raises EvaluationError
    for a file without the column or without numbers, a taxon that comes twice, and where no class has traits.
    """
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        what = f"the traits cannot be read: {' '.join(str(error).split())[:200]}"
        raise EvaluationError(what, str(path), "Parquet with accepted_id and columns of numbers") from error
    column_of(str(path), table.schema, (_TAXON,), "taxa")
    numeric = [
        each.name
        for each in table.schema
        if each.name != _TAXON and (pa.types.is_floating(each.type) or pa.types.is_integer(each.type))
    ]
    if not numeric:
        raise EvaluationError("there is no trait", str(path), "columns of numbers beside accepted_id")
    taxa = table[_TAXON].cast(pa.string())
    counted = pc.value_counts(taxa.drop_null().combine_chunks())
    twice = counted.filter(pc.greater(counted.field("counts"), 1)).field("values")
    if len(twice):
        raise EvaluationError(f"the taxon {twice[0].as_py()!r} comes twice", str(path), "one row for each taxon")
    number = np.asarray(pc.fill_null(pc.index_in(taxa, pa.array(classes, pa.string())), -1).combine_chunks(), np.int64)
    values = np.stack(
        [np.asarray(pc.fill_null(table[name].cast(pa.float64()), np.nan).combine_chunks()) for name in numeric], axis=1
    )
    kept = (number >= 0) & np.isfinite(values).all(axis=1)
    if not kept.any():
        raise EvaluationError(
            "no class has all traits",
            str(path),
            f"ids of accepted taxa, such as {classes[0]!r}, with numbers for {', '.join(numeric)[:200]}",
        )
    order = np.argsort(number[kept], kind="stable")
    return Traits(number[kept][order], values[kept][order], tuple(numeric))
