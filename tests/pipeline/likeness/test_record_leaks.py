"""Leaks as arrays are the mapping that they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness import Leak
from pipeline.likeness.record_leaks import RULES, RecordLeaks

LEAKS = st.builds(
    Leak,
    st.sampled_from("bc"),
    st.sampled_from(["x", "y/z"]),
    st.sampled_from(RULES),
    st.integers(-1, 256),
    st.integers(-1, 7),
    st.integers(-1, 64),
)
BY_RECORD = st.dictionaries(st.integers(0, 9), LEAKS)


@given(BY_RECORD, BY_RECORD)
def test_leaks_as_arrays_are_the_mapping_they_were_made_of(one: dict[int, Leak], more: dict[int, Leak]) -> None:
    leaks = RecordLeaks.of(one)
    assert dict(leaks) == one and list(leaks) == sorted(one) and RecordLeaks.of(leaks) is leaks
    further = {record: leak for record, leak in more.items() if record not in one}
    both = leaks.joined(RecordLeaks.of(further))
    assert dict(both) == one | further and list(both) == sorted(one | further)
    places = both.places(np.arange(-1, 12))
    for record, place in enumerate(places.tolist(), -1):
        assert (place >= 0) == (record in both)
        if place >= 0:
            leak = both[record]
            assert both.name(place) == f"{leak.benchmark}/{leak.item}"
    for rule in RULES:
        assert both.record[both.of_rule(rule)].tolist() == sorted(r for r, leak in both.items() if leak.rule == rule)
    with pytest.raises(KeyError):
        both[11]
