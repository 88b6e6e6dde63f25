"""Who stays when images are alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.decisions import RANK_IDS, DecisionRules
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.edges import Edges
from pipeline.likeness.search import Leak
from pipeline.model.outcomes import Outcome

Row = tuple[str, str, bool, str, int]
Pairs = Sequence[tuple[int, int, int]]
LINEAGES = {
    "lynx": ("t:Lynx-lynx", "t:Lynx"),
    "puma": ("t:Puma-concolor", "t:Puma"),
    "Puma": ("t:Puma", "t:Puma"),
}


def records(rows: list[Row]) -> pa.Table:
    """Rows of (label, pixel digest, is a box, medium, quality), the preferred first."""
    columns: dict[str, list[object]] = {
        "accepted_id": [LINEAGES[label][0] for label, *_ in rows],
        "pixel_sha256": [row[1] for row in rows],
        "box": [row[2] for row in rows],
        "media_id": [row[3] for row in rows],
        "quality": [row[4] for row in rows],
    }
    for name in RANK_IDS:
        columns[name] = [None] * len(rows)
    columns["genus_id"] = [LINEAGES[label][1] for label, *_ in rows]
    columns["species_id"] = [LINEAGES[label][0] if label[0].islower() else None for label, *_ in rows]
    return pa.table(columns)


def edges(*pairs: tuple[int, int, int]) -> Edges:
    left, right, distance = (
        (np.array(c, dtype=np.int64) for c in zip(*pairs, strict=True)) if pairs else (np.zeros(0, np.int64),) * 3
    )
    return Edges(left, right, distance)


def outcomes(
    rows: list[Row], nodes: list[int], pairs: Pairs = (), leaks: dict[int, Leak] | None = None, drop: bool = True
) -> list[tuple[Outcome | None, int | None]]:
    decisions, _ = decide_duplicates(
        records(rows),
        np.array(nodes),
        edges(*pairs),
        leaks or {},
        DecisionRules(uninformative=Outcome.LOW_INFORMATION if drop else None),
    )
    return [(decision.outcome, decision.other) for decision in decisions]


def test_of_equal_pixels_the_preferred_stays_and_is_named() -> None:
    rows = [("lynx", "p", False, "m1", 90), ("lynx", "p", False, "m2", 90)]
    assert outcomes(rows, [0, 0]) == [(None, None), (Outcome.EXACT_DUPLICATE, 0)]


def test_an_equal_hash_of_other_pixels_is_a_near_duplicate() -> None:
    rows = [("lynx", "p", False, "m1", 90), ("lynx", "q", False, "m2", 90)]
    assert outcomes(rows, [0, 0]) == [(None, None), (Outcome.NEAR_DUPLICATE, 0)]


def test_a_chain_does_not_swallow_its_far_end() -> None:
    rows = [("lynx", p, False, p, 90) for p in "abc"]
    pairs = [(0, 1, 8), (1, 2, 8)]
    assert outcomes(rows, [0, 1, 2], pairs) == [(None, None), (Outcome.NEAR_DUPLICATE, 0), (None, None)]


def test_alike_images_of_two_species_are_a_conflict_and_neither_is_preferred() -> None:
    rows = [("lynx", "a", False, "a", 90), ("puma", "b", False, "b", 90)]
    assert outcomes(rows, [0, 1], [(0, 1, 4)]) == [(Outcome.LABEL_CONFLICT, 1), (Outcome.LABEL_CONFLICT, 0)]
    assert outcomes(rows, [0, 0]) == [(Outcome.LABEL_CONFLICT, 1), (Outcome.LABEL_CONFLICT, 0)]


def test_a_genus_and_its_species_are_no_conflict() -> None:
    rows = [("puma", "a", False, "a", 90), ("Puma", "b", False, "b", 90)]
    assert outcomes(rows, [0, 1], [(0, 1, 4)]) == [(None, None), (Outcome.NEAR_DUPLICATE, 0)]


def test_two_boxes_of_one_frame_with_two_labels_are_two_animals() -> None:
    rows = [("lynx", "a", True, "m", 90), ("puma", "b", True, "m", 90)]
    assert outcomes(rows, [0, 1], [(0, 1, 4)]) == [(None, None), (None, None)]


def lowered(
    rows: list[Row], nodes: list[int], pairs: Pairs = (), lowest: int = 0
) -> list[tuple[Outcome | None, int | None, int | None]]:
    table = records(rows)
    ranks = {"order_id": "Carnivora", "family_id": "Felidae"}
    for name, value in ranks.items():
        table = table.set_column(table.column_names.index(name), name, pa.array([value] * len(rows), pa.string()))
    decisions, _ = decide_duplicates(
        table, np.array(nodes), edges(*pairs), {}, DecisionRules(lower=True, lowest_allowed=lowest)
    )
    return [(decision.outcome, decision.other, decision.lowered) for decision in decisions]


def test_a_conflict_may_be_kept_once_under_the_lowest_taxon_that_its_labels_share() -> None:
    rows = [("lynx", "a", False, "a", 90), ("puma", "b", False, "b", 90), ("lynx", "c", False, "c", 90)]
    family = RANK_IDS.index("family_id")
    assert lowered(rows, [0, 1, 2], [(0, 1, 4)]) == [
        (None, None, family),
        (Outcome.NEAR_DUPLICATE, 0, None),
        (None, None, None),
    ]
    assert lowered(rows[:2], [0, 0]) == [(None, None, family), (Outcome.NEAR_DUPLICATE, 0, None)]
    above = lowered(rows[:2], [0, 0], lowest=RANK_IDS.index("genus_id"))
    assert [outcome for outcome, _, _ in above] == [Outcome.LABEL_CONFLICT] * 2


def test_a_leak_comes_before_everything_else_and_spares_its_duplicates_their_keeper() -> None:
    rows = [("lynx", "a", False, "a", 90), ("lynx", "b", False, "b", 90)]
    leaks = {0: Leak("bench", "x.jpg", "hamming", 12, 0)}
    assert outcomes(rows, [0, 1], [(0, 1, 4)], leaks) == [(Outcome.LEAK_HAMMING, None), (None, None)]


def test_a_flat_image_is_never_cleared_by_its_hash() -> None:
    rows = [("lynx", "a", False, "a", 3), ("lynx", "b", False, "b", 90)]
    assert outcomes(rows, [1, 0]) == [(Outcome.LOW_INFORMATION, None), (None, None)]
    assert outcomes(rows, [1, 0], drop=False) == [(None, None), (None, None)]


@given(
    st.lists(st.tuples(st.sampled_from(["lynx", "puma", "Puma"]), st.sampled_from("abcdef")), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_every_record_has_one_decision_and_every_dropped_one_names_a_kept_one(
    rows: list[tuple[str, str]], random: Random
) -> None:
    pixels = sorted({p for _, p in rows})
    node = np.array([pixels.index(p) for _, p in rows])
    pairs = [(a, b, 6) for a, b in itertools.combinations(range(len(pixels)), 2) if random.random() < 0.4]
    table = records([(label, p, False, p, 90) for label, p in rows])
    decisions, _ = decide_duplicates(table, node, edges(*pairs), {}, DecisionRules())
    assert len(decisions) == len(rows)
    kept = {i for i, decision in enumerate(decisions) if decision.outcome is None}
    for decision in decisions:
        if decision.outcome in (Outcome.EXACT_DUPLICATE, Outcome.NEAR_DUPLICATE):
            assert decision.other in kept
    near = {frozenset(pair[:2]) for pair in pairs}
    for a, b in itertools.combinations(sorted(kept), 2):
        assert node[a] != node[b]
        assert frozenset((int(node[a]), int(node[b]))) not in near

    shuffled = list(pairs)
    random.shuffle(shuffled)
    again, _ = decide_duplicates(table, node, edges(*shuffled), {}, DecisionRules())
    assert [(f.outcome, f.other) for f in again] == [(f.outcome, f.other) for f in decisions]
