"""What is decided of a record before any two images are compared."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.likeness.decisions import OPEN, Decision, DecisionRules, first_decisions, open_nodes
from pipeline.likeness.leak_rules import Leak
from pipeline.likeness.records.candidates import Candidates
from pipeline.likeness.records.lineages import RANK_IDS
from pipeline.model.outcomes import Outcome

DOUBTFUL = Leak("b", "x", "doubtful", 12, 3)


def candidates(quality: list[int], taxa: list[str | None]) -> Candidates:
    names = [str(number) for number in range(len(taxa))]
    columns = {"quality": pa.array(quality, pa.int16()), "accepted_id": pa.array(taxa, pa.string())}
    columns |= {name: pa.array(names, pa.string()) for name in ("pixel_sha256", "media_id")}
    columns |= {name: pa.nulls(len(taxa), pa.string()) for name in RANK_IDS}
    return Candidates.of(pa.table(columns | {"box": pa.array([False] * len(taxa), pa.bool_())}))


def first(quality: int, leak: Leak | None = None, rules: DecisionRules | None = None) -> Decision | None:
    leaks = {} if leak is None else {0: leak}
    decisions = first_decisions(candidates([quality], ["t"]), leaks, rules or DecisionRules())
    return None if decisions.outcome[0] == OPEN else decisions[0]


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ("bytes", Outcome.LEAK_BYTES),
        ("pixels", Outcome.LEAK_BYTES),
        ("hamming", Outcome.LEAK_HAMMING),
        ("phash", Outcome.LEAK_HAMMING),
        ("leak_pair", Outcome.LEAK_HAMMING),
        ("occurrence", Outcome.LEAK_OCCURRENCE),
        ("doubtful", Outcome.LEAK_UNKNOWN),
    ],
)
def test_a_leak_ends_its_record_by_its_rule_and_names_the_held_out_item(rule: str, outcome: Outcome) -> None:
    decision = first(90, Leak("b", "x", rule, 12, 3))
    assert decision is not None
    assert (decision.outcome, decision.other, decision.other_item) == (outcome, None, "b/x")
    assert json.loads(decision.evidence) == {"benchmark": "b", "distance": 12, "item": "x", "rule": rule, "variant": 3}


def test_a_leak_by_two_hashes_tells_both_distances_and_what_they_lie_within() -> None:
    rules = DecisionRules(leak_pair_phash=10, leak_pair_pdq=90)
    decision = first(90, Leak("b", "x", "leak_pair", 44, 0, 0), rules)
    assert decision is not None
    proof = json.loads(decision.evidence)
    assert (proof["distance"], proof["phash_distance"]) == (44, 0)
    assert (proof["leak_pair_phash"], proof["leak_pair_pdq"]) == (10, 90)


def test_a_doubtful_leak_goes_unless_the_recipe_keeps_it() -> None:
    gone = first(90, DOUBTFUL)
    assert gone is not None and gone.outcome is Outcome.LEAK_UNKNOWN
    keeping = DecisionRules(doubtful_leaks=False)
    assert first(90, DOUBTFUL, keeping) is None
    proven = first(90, Leak("b", "x", "hamming", 1, 0), keeping)
    assert proven is not None and proven.outcome is Outcome.LEAK_HAMMING


def test_an_image_whose_hash_says_too_little_goes_unless_the_recipe_keeps_it() -> None:
    decision = first(49)
    assert decision is not None
    assert (decision.outcome, decision.other, decision.other_item) == (Outcome.LOW_INFORMATION, None, None)
    assert json.loads(decision.evidence) == {"minimum": 50, "quality": 49, "rule": "pdq quality"}
    assert first(50) is None
    assert first(49, rules=DecisionRules(uninformative=None)) is None
    other = first(49, rules=DecisionRules(uninformative=Outcome.LEAK_UNKNOWN))
    assert other is not None and other.outcome is Outcome.LEAK_UNKNOWN


def test_a_leak_counts_before_a_hash_that_says_too_little() -> None:
    decision = first(3, Leak("b", "x", "bytes", 0, 0))
    assert decision is not None and decision.outcome is Outcome.LEAK_BYTES


def test_a_node_is_open_while_one_of_its_records_is_and_bears_the_label_of_the_open_ones() -> None:
    records = candidates([90] * 6, ["a", "b", "b", "a", "a", None])
    is_open = np.array([False, True, True, False, True, True])
    alive, label = open_nodes(records, np.array([0, 0, 1, 2, 3, 4]), is_open)
    assert alive.tolist() == [True, True, False, True, True]
    assert label[0] == label[1]
    assert len({int(label[place]) for place in (1, 3, 4)}) == 3


def test_nodes_of_several_labels_are_of_no_label_but_their_own() -> None:
    records = candidates([90] * 8, ["a", "b", "a", "b", "a", "a", "b", "a"])
    _, label = open_nodes(records, np.array([0, 0, 1, 1, 2, 3, 3, 3]), np.ones(8, np.bool_))
    assert len(set(label.tolist())) == 4
    alive, label = open_nodes(candidates([], []), np.empty(0, np.int64), np.empty(0, np.bool_))
    assert (alive.tolist(), label.tolist()) == ([], [])


def test_decisions_are_a_sequence_of_one_for_each_record() -> None:
    leaks = {2: Leak("b", "x", "bytes", 0, 0)}
    decisions = first_decisions(candidates([90, 3, 90], ["t"] * 3), leaks, DecisionRules())
    assert [decision.outcome for decision in decisions] == [None, Outcome.LOW_INFORMATION, Outcome.LEAK_BYTES]
    assert (len(decisions), decisions[-1], decisions[1:]) == (3, decisions[2], [decisions[1], decisions[2]])
    with pytest.raises(IndexError):
        decisions[3]
