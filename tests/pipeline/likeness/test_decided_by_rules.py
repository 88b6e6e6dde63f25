"""The decision on arrays is that of the rules in plain Python (`reference`), for any records, pairs, leaks, folds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness import DecisionRules, Edges, Leak, decide_duplicates
from pipeline.likeness.decisions import Decision
from pipeline.likeness.dense import NO_GROUP, Alike, Folds, fold
from pipeline.likeness.records.lineages import LABEL_COLUMNS
from pipeline.likeness.verification import Given
from pipeline.model.outcomes import Outcome
from tests.pipeline.likeness import reference
from tests.pipeline.likeness.reference import Folded, Label, Record, Said

DISTANCE = 10


def label(**ranks: str) -> Label:
    """A label by its taxa from kingdom to species; the last one is the accepted taxon."""
    taxa = [ranks.get(each) for each in ("kingdom", "family", "genus", "species")]
    kingdom, family, genus, species = taxa
    return ([each for each in taxa if each][-1], kingdom, None, None, None, family, genus, species)


LABELS = [
    label(kingdom="A"),
    label(kingdom="A", family="F"),
    label(kingdom="A", family="F", genus="G"),
    label(kingdom="A", family="F", genus="G", species="one"),
    label(kingdom="A", family="F", genus="G", species="two"),
    label(kingdom="A", family="E", genus="H", species="three"),
    label(kingdom="B", genus="K", species="four"),
    label(kingdom="A", genus="G", species="one"),
]


@st.composite
def record_lists(draw: st.DrawFn) -> list[Record]:
    """Up to 14 records of up to 6 nodes, whose pixels are mostly one picture's, with few labels and pictures."""
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=4))
    boxes = draw(st.sampled_from(["never", "always", "sometimes"]))
    rows = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99), st.booleans()), min_size=1, max_size=14))
    used = sorted({node for node, *_ in rows})
    poor = draw(st.sets(st.sampled_from(used), max_size=1))
    return [
        Record(
            label=labels[number % len(labels)],
            node=used.index(node),
            pixels=f"{node}{number % 7 == 0}",
            picture=str(number // 7 % 3),
            box=boxes == "always" or (boxes == "sometimes" and box),
            quality=10 if node in poor else 90,
        )
        for node, number, box in rows
    ]


LEAKS = st.builds(
    Leak,
    st.sampled_from("bc"),
    st.sampled_from("xy"),
    st.sampled_from(sorted(reference.LEAKS)),
    st.integers(0, 30),
    st.integers(0, 7),
    st.sampled_from([-1, 4]),
)
RULES = st.builds(
    DecisionRules,
    uninformative=st.sampled_from([None, Outcome.LOW_INFORMATION, Outcome.LEAK_UNKNOWN]),
    doubtful_leaks=st.booleans(),
    lower=st.booleans(),
    lowest_allowed=st.sampled_from([0, 4, 5]),
    leak_pair_phash=st.just(10),
    leak_pair_pdq=st.just(90),
)


def table(records: list[Record]) -> pa.Table:
    columns: dict[str, Any] = {name: [record.label[at] for record in records] for at, name in enumerate(LABEL_COLUMNS)}
    columns |= {"pixel_sha256": [record.pixels for record in records], "sha256": [each.picture for each in records]}
    columns = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    columns["media_id"] = columns["sha256"]
    columns["quality"] = pa.array([record.quality for record in records], pa.int16())
    return pa.table(columns | {"box": pa.array([record.box for record in records], pa.bool_())})


def same(decision: Decision, said: Said) -> bool:
    evidence = json.loads(decision.evidence) if decision.evidence else {}
    one = (decision.outcome, evidence, decision.other, decision.other_item, decision.lowered)
    return one == (said.outcome, said.evidence, said.other, said.item, said.lowered)


def agree(
    records: list[Record],
    pairs: list[reference.Pair],
    leaks: dict[int, Leak],
    rules: DecisionRules,
    folds: Folds | None = None,
    folded: Folded | None = None,
) -> list[Said]:
    """Check that both decide alike; return what they say."""
    node = np.array([record.node for record in records])
    ends = np.array([pair[:3] for pair in pairs], np.int64).reshape(-1, 3)
    edges = Edges(ends[:, 0], ends[:, 1], ends[:, 2], np.array([pair[3] for pair in pairs], np.float64))
    decisions, cluster = decide_duplicates(table(records), node, edges, leaks, rules, folds)
    said, clusters = reference.decide(records, pairs, leaks, rules, folded)
    assert cluster.tolist() == clusters
    for decision, expected in zip(decisions, said, strict=True):
        assert same(decision, expected), (decision, expected)
    return said


@given(record_lists(), st.data(), RULES)
def test_any_records_are_decided_as_the_rules_say(
    records: list[Record], data: st.DataObject, rules: DecisionRules
) -> None:
    nodes = max(record.node for record in records) + 1
    possible = [(a, b) for a in range(nodes) for b in range(a)]
    chosen = data.draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    bits = st.tuples(st.integers(0, 10), st.sampled_from([-1.0, 0.0, 1.234, 5.5]), st.booleans())
    drawn = data.draw(st.lists(bits, min_size=len(chosen), max_size=len(chosen)))
    pairs = [
        ((b, a, distance, residual) if turned else (a, b, distance, residual))
        for (a, b), (distance, residual, turned) in zip(chosen, drawn, strict=True)
    ]
    leaks = data.draw(st.dictionaries(st.integers(0, len(records) - 1), LEAKS, max_size=3))
    agree(records, pairs, leaks, rules)


@given(record_lists(), st.data(), RULES)
def test_any_dense_nodes_are_folded_and_decided_as_the_rules_say(
    records: list[Record], data: st.DataObject, rules: DecisionRules
) -> None:
    leaks = data.draw(st.dictionaries(st.integers(0, len(records) - 1), LEAKS, max_size=1))
    folding(records, data.draw(hash_lists(max(record.node for record in records) + 1)), leaks, rules)


def hash_lists(count: int) -> st.SearchStrategy[list[tuple[frozenset[int], bool]]]:
    """For each node the bits of its hash, in steps that put some within 10 bits of each other, and if it is dense."""
    steps = st.sets(st.integers(0, 5), max_size=4)
    bits = steps.map(lambda chosen: frozenset(4 * step + bit for step in chosen for bit in range(4)))
    return st.lists(st.tuples(bits, st.booleans()), min_size=count, max_size=count)


def folding(
    records: list[Record], hashes: list[tuple[frozenset[int], bool]], leaks: dict[int, Leak], rules: DecisionRules
) -> list[Said]:
    """Fold the dense nodes, take all near pairs of what stays, and check that both decide alike."""
    alone, _ = reference.decide(records, [], leaks, rules)
    ended = (Outcome.LABEL_CONFLICT, Outcome.EXACT_DUPLICATE, Outcome.NEAR_DUPLICATE, None)
    is_open = [index for index, said in enumerate(alone) if said.outcome in ended]
    nodes = sorted({records[index].node for index in is_open})
    count = len(hashes)
    spread = np.zeros((count, 256), np.uint8)
    for place, (bits, _) in enumerate(hashes):
        spread[place, sorted(bits)] = 1
    codes = np.full(count, -1)
    for node in nodes:
        taxa = {records[index].label[0] for index in is_open if records[index].node == node}
        codes[node] = (
            sorted(str(each[0]) for each in LABELS).index(str(min(taxa, key=str))) if len(taxa) == 1 else -2 - node
        )
    dense = np.array([each for _, each in hashes]) & np.isin(np.arange(count), nodes)
    alike = Alike(Given([None] * count), 6.0, np.full(count, NO_GROUP), codes)
    folds = fold(np.packbits(spread, axis=1), np.array(nodes, np.int64), dense, alike, DISTANCE)
    ends = (folds.edges.left.tolist(), folds.edges.right.tolist(), folds.edges.distance.tolist())
    folded = Folded([(*each, -1.0) for each in zip(*ends, strict=True)], [bits for bits, _ in hashes], DISTANCE)
    stays = folds.stays.tolist()
    pairs = [(a, b, folded.apart(a, b), -1.0) for b in stays for a in stays if a < b and folded.apart(a, b) <= DISTANCE]
    return agree(records, pairs, leaks, rules, folds, folded)


LYNX, PUMA = LABELS[3], LABELS[4]
KEPT = ("kept", None, None)


def near(other: int) -> tuple[str, int, str]:
    return ("near_duplicate", other, "hamming")


def odd(other: int, rule: str = "alike, labelled differently") -> tuple[str, int, str]:
    return ("label_conflict", other, rule)


@pytest.mark.parametrize(
    ("labels", "steps", "expected"),
    [
        # The host of 2, which is 1, fell to 0. Node 2 is near 0 as well; or it is not; or it is near another label.
        ([LYNX, LYNX, LYNX], ["", "01", "02"], [KEPT, near(0), near(0)]),
        ([LYNX, LYNX, LYNX], ["", "01", "0123"], [KEPT, near(0), KEPT]),
        ([LYNX, LYNX, LYNX, PUMA], ["", "01", "0123", "012345"], [KEPT, near(0), odd(3), KEPT]),
        ([LYNX, PUMA, PUMA], ["", "01", "012"], [odd(1), odd(0), odd(0, "alike to a label conflict")]),
    ],
)
def test_every_way_that_a_folded_node_may_go_is_met(
    labels: list[Label], steps: list[str], expected: list[tuple[str, int | None, str | None]]
) -> None:
    records = [Record(each, node, f"p{node}", f"b{node}") for node, each in enumerate(labels)]
    hashes = [
        (frozenset(4 * int(step) + bit for step in chosen for bit in range(4)), node in (1, 2))
        for node, chosen in enumerate(steps)
    ]
    said = folding(records, hashes, {}, DecisionRules())
    told = [(each.outcome.code if each.outcome else "kept", each.other, each.evidence.get("rule")) for each in said]
    assert told == expected
