"""Labels as codes say what the labels themselves say."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.records import lineages as module
from pipeline.likeness.records.lineages import LABEL_COLUMNS, Lineages
from tests.pipeline.likeness.reference import both_right

TAXA = st.sampled_from([None, "a", "b", "c"])
LABELS = st.lists(st.tuples(*(TAXA for _ in LABEL_COLUMNS)), min_size=1, max_size=6)


@given(LABELS)
def test_labels_are_compatible_exactly_where_one_is_the_other_or_above_it(labels: list[tuple[str | None, ...]]) -> None:
    columns = zip(LABEL_COLUMNS, zip(*labels, strict=True), strict=True)
    lineages, label = Lineages.labelling(pa.table({name: pa.array(values, pa.string()) for name, values in columns}))
    assert [lineages.taxon(each) for each in label.tolist()] == [each[0] for each in labels]
    for rank in range(len(LABEL_COLUMNS) - 1):
        assert [lineages.at_rank(each, rank) for each in label.tolist()] == [each[rank + 1] for each in labels]
    assert len(lineages.ids) == len(set(labels))
    pairs = list(itertools.product(range(len(labels)), repeat=2))
    one, other = (label[list(ends)] for ends in zip(*pairs, strict=True))
    expected = [both_right(labels[a], labels[b]) for a, b in pairs]
    for block in (1, 5, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_BLOCK", block)
            assert lineages.compatible(one, other).tolist() == expected


def test_no_labels_are_no_lineages() -> None:
    lineages, label = Lineages.labelling(pa.table({name: pa.array([], pa.string()) for name in LABEL_COLUMNS}))
    assert (lineages.ids.shape, label.tolist()) == ((0, 8), [])
    assert lineages.compatible(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
