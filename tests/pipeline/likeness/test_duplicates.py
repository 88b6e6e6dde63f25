"""Who stays when images are alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.decisions import Decision, DecisionRules
from pipeline.likeness.dense import NO_GROUP, Alike, Folds, fold
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.edges import Edges
from pipeline.likeness.leak_rules import Leak
from pipeline.likeness.records.lineages import RANK_IDS
from pipeline.likeness.verification import Given
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


def folded(bits: list[list[int]], dense: list[int], labels: list[str]) -> Folds:
    """Fold nodes whose hashes have these bits set, of which some are dense."""
    hashes = np.zeros((len(bits), 256), np.uint8)
    for place, chosen in enumerate(bits):
        hashes[place, chosen] = 1
    codes = np.array([sorted(LINEAGES).index(label) for label in labels])
    alike = Alike(Given([None] * len(bits)), 6.0, np.full(len(bits), NO_GROUP), codes)
    return fold(np.packbits(hashes, axis=1), np.arange(len(bits)), np.isin(np.arange(len(bits)), dense), alike, 10)


def unfolded(
    rows: list[Row], nodes: list[int], folds: Folds, *pairs: tuple[int, int, int]
) -> tuple[list[Decision], list[int]]:
    decisions, cluster = decide_duplicates(
        records(rows), np.array(nodes), edges(*pairs), {}, DecisionRules(), folds=folds
    )
    return list(decisions), cluster.tolist()


def told(decisions: list[Decision]) -> list[tuple[Outcome | None, int | None]]:
    return [(decision.outcome, decision.other) for decision in decisions]


def test_what_is_folded_falls_to_its_host_where_that_is_kept() -> None:
    rows = [("lynx", p, False, p, 90) for p in "abc"]
    folds = folded([[], list(range(6)), [200]], [0, 1], ["lynx"] * 3)
    decisions, cluster = unfolded(rows, [0, 1, 2], folds, (0, 2, 1))
    assert told(decisions) == [(None, None), (Outcome.NEAR_DUPLICATE, 0), (Outcome.NEAR_DUPLICATE, 0)]
    assert '"distance":6' in decisions[1].evidence
    assert cluster == [0, 0, 0]


def test_what_is_folded_behind_a_fallen_host_falls_to_the_kept_image_that_it_is_alike_to() -> None:
    rows = [("lynx", p, False, p, 90) for p in "abc"]
    folds = folded([[], list(range(6)), list(range(8))], [1, 2], ["lynx"] * 3)
    decisions, cluster = unfolded(rows, [0, 1, 2], folds, (0, 1, 6))
    assert told(decisions) == [(None, None), (Outcome.NEAR_DUPLICATE, 0), (Outcome.NEAR_DUPLICATE, 0)]
    assert '"distance":8' in decisions[2].evidence
    assert cluster == [0, 0, 0]


def test_what_is_folded_behind_a_fallen_host_and_alike_to_nothing_kept_stays_once() -> None:
    rows = [("lynx", p, False, p, 90) for p in "abccd"]
    folds = folded([[], list(range(8)), list(range(16)), list(range(17))], [1, 2, 3], ["lynx"] * 4)
    # Records 2 and 3 are one picture, which lies 16 bits from the kept one; record 4 lies one bit from that picture.
    decisions, cluster = unfolded(rows, [0, 1, 2, 2, 3], folds, (0, 1, 8))
    assert told(decisions) == [
        (None, None),
        (Outcome.NEAR_DUPLICATE, 0),
        (None, None),
        (Outcome.EXACT_DUPLICATE, 2),
        (Outcome.NEAR_DUPLICATE, 2),
    ]
    assert '"distance":0' in decisions[3].evidence and '"distance":1' in decisions[4].evidence
    assert cluster == [0] * 5


def test_what_is_folded_behind_a_fallen_host_and_alike_to_another_label_is_a_conflict() -> None:
    # Node 2 lies 8 bits from its host 1 and from 3, of another label, which lies 16 bits from both other ends.
    bits = [[], list(range(8)), list(range(16)), [*range(8, 16), *range(16, 24), *range(8)]]
    labels = ["lynx", "lynx", "lynx", "puma"]
    rows = [(label, p, False, p, 90) for label, p in zip(labels, "abcd", strict=True)]
    decisions, _ = unfolded(rows, [0, 1, 2, 3], folded(bits, [1, 2], labels), (0, 1, 8))
    assert told(decisions) == [
        (None, None),
        (Outcome.NEAR_DUPLICATE, 0),
        (Outcome.LABEL_CONFLICT, 3),
        (None, None),
    ]
    assert '"taxa":["t:Lynx-lynx","t:Puma-concolor"]' in decisions[2].evidence


def test_what_is_folded_behind_a_conflict_is_one() -> None:
    labels = ["lynx", "puma", "puma"]
    rows = [(label, p, False, p, 90) for label, p in zip(labels, "abc", strict=True)]
    decisions, cluster = unfolded(
        rows, [0, 1, 2], folded([[], list(range(8)), list(range(12))], [1, 2], labels), (0, 1, 8)
    )
    assert told(decisions) == [
        (Outcome.LABEL_CONFLICT, 1),
        (Outcome.LABEL_CONFLICT, 0),
        (Outcome.LABEL_CONFLICT, 0),
    ]
    assert '"distance":4' in decisions[2].evidence and "alike to a label conflict" in decisions[2].evidence
    assert cluster == [0, 0, 0]
