"""How many bytes a candidate takes while it is decided on: what Python and NumPy allocate, no figure of the system."""

from __future__ import annotations

import tracemalloc

import pytest

from pipeline.likeness import DecisionRules
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.records.groups import find_groups
from tests.performance.drawn_records import Drawn, drawn

MOST = 150
PAIR = 130
"""Bytes that each near pair may take beside, those of the pair itself among them."""


def at_once(given: Drawn) -> tuple[float, float]:
    """Return the bytes a record at the peak of deciding and grouping, and after it, with those of what is given."""
    tracemalloc.start()
    try:
        decisions, cluster = decide_duplicates(
            given.candidates, given.node, given.edges, given.leaks, DecisionRules(lower=True)
        )
        groups = find_groups(cluster, {"occurrence": given.occurrence}, given.by_id)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # What is held is seen by the measure itself: it would miss arrays that come from elsewhere.
    made = decisions.nbytes + cluster.nbytes + groups.group.nbytes
    assert held >= made and len(decisions) == len(given.candidates)
    return (peak + given.nbytes) / len(decisions), (held + given.nbytes) / len(decisions)


@pytest.mark.parametrize("shared", [0.0, 0.05, 0.9])
def test_a_candidate_takes_no_more_than_it_is_said_to(shared: float) -> None:
    peak, held = at_once(drawn(100_000, shared, near=0.1))
    assert peak <= MOST and held <= 75


def test_near_pairs_cost_by_their_number_and_candidates_by_theirs() -> None:
    few, many = drawn(60_000, 0.05, near=0.0), drawn(60_000, 0.05, near=1.0)
    assert at_once(many)[0] - at_once(few)[0] <= PAIR * len(many.edges) / len(many.candidates)
    assert at_once(drawn(240_000, 0.05, 0.1))[0] <= 1.05 * at_once(drawn(60_000, 0.05, 0.1))[0]
