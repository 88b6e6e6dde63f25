"""When two labels of alike pictures contradict each other, and when they speak of two animals."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.likeness import Decision, DecisionRules, Edges, decide_duplicates
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS

RANK_IDS = [f"{rank}_id" for rank in RANK_COLUMNS]
PAIRS = [(f"{first}-b", f"{first}-a") for first in "pqrstuvwxyz"]
GENERA = {label: label for pair in PAIRS for label in pair}
GENERA |= {"lynx": "Lynx", "puma": "Puma", "cougar": "Puma", "Puma": "Puma"}


def decide(
    labels: list[str],
    boxes: list[bool],
    media: list[str],
    *pairs: tuple[int, int, int],
    bytes_of: list[str] | None = None,
    node: list[int] | None = None,
    lower: bool = False,
) -> tuple[list[Decision], list[int]]:
    """Decide records of one node each, whose pixels all differ, in order of preference."""
    columns: dict[str, list[object]] = {
        "accepted_id": [f"t:{label}" for label in labels],
        "pixel_sha256": [f"pixels {number}" for number in range(len(labels))],
        "box": list(boxes),
        "media_id": list(media),
        "quality": [90] * len(labels),
    }
    for name in RANK_IDS:
        columns[name] = [None] * len(labels)
    columns["family_id"] = ["t:Felidae"] * len(labels)
    columns["genus_id"] = [f"t:{GENERA[label]}" for label in labels]
    columns["species_id"] = [None if label == "Puma" else f"t:{label}" for label in labels]
    if bytes_of is not None:
        columns["sha256"] = list(bytes_of)
    left, right, distance = (
        [np.array(c, np.int64) for c in zip(*pairs, strict=True)] if pairs else [np.zeros(0, np.int64)] * 3
    )
    nodes = np.arange(len(labels)) if node is None else np.array(node)
    decisions, cluster = decide_duplicates(
        pa.table(columns), nodes, Edges(left, right, distance), {}, DecisionRules(lower=lower)
    )
    return list(decisions), cluster.tolist()


def outcomes(decisions: list[Decision]) -> list[tuple[Outcome | None, int | None]]:
    return [(decision.outcome, decision.other) for decision in decisions]


BOTH = [(Outcome.LABEL_CONFLICT, 1), (Outcome.LABEL_CONFLICT, 0)]
TWO_ANIMALS = [(None, None), (None, None)]


def test_alike_boxes_of_two_frames_with_two_labels_are_a_conflict() -> None:
    decisions, cluster = decide(["lynx", "puma"], [True, True], ["one", "two"], (0, 1, 4))
    assert outcomes(decisions) == BOTH
    assert cluster == [0, 0]


def test_alike_boxes_of_one_frame_are_two_animals_and_not_of_one_cluster() -> None:
    decisions, cluster = decide(["lynx", "puma"], [True, True], ["one", "one"], (0, 1, 4))
    assert outcomes(decisions) == TWO_ANIMALS
    assert cluster == [0, 1]


@pytest.mark.parametrize("boxes", [[True, False], [False, True], [False, False]])
def test_a_whole_frame_and_a_box_of_it_with_two_labels_are_a_conflict(boxes: list[bool]) -> None:
    decisions, _ = decide(["lynx", "puma"], boxes, ["one", "one"], (0, 1, 4))
    assert outcomes(decisions) == BOTH


def test_frames_of_the_same_bytes_are_one_picture_whatever_they_are_called() -> None:
    decisions, _ = decide(["lynx", "puma"], [True, True], ["one", "two"], (0, 1, 4), bytes_of=["same", "same"])
    assert outcomes(decisions) == TWO_ANIMALS
    decisions, _ = decide(["lynx", "puma"], [True, True], ["one", "one"], (0, 1, 4), bytes_of=["here", "there"])
    assert outcomes(decisions) == BOTH


def test_one_and_the_same_box_under_two_labels_is_a_conflict() -> None:
    decisions, cluster = decide(["lynx", "puma"], [True, True], ["one", "one"], node=[0, 0])
    assert outcomes(decisions) == BOTH
    assert cluster == [0, 0]


def test_a_conflict_names_the_record_that_contradicts_not_the_first_alike() -> None:
    # Record 2 is alike to 0 (its own genus) and to 1 (another one): it is told of 1.
    decisions, _ = decide(["Puma", "lynx", "puma"], [False] * 3, list("abc"), (0, 2, 3), (1, 2, 5))
    assert [decision.outcome for decision in decisions] == [None, Outcome.LABEL_CONFLICT, Outcome.LABEL_CONFLICT]
    assert [decisions[1].other, decisions[2].other] == [2, 1]
    assert "t:lynx" in decisions[2].evidence and "t:puma" in decisions[2].evidence


def test_the_two_taxa_of_a_conflict_are_told_in_order() -> None:
    for first, second in PAIRS:
        for labels in ([first, second], [second, first]):
            decisions, _ = decide(labels, [False] * 2, list("ab"), (0, 1, 4))
            assert [json.loads(decision.evidence)["taxa"] for decision in decisions] == [
                [f"t:{second}", f"t:{first}"]
            ] * 2


def test_of_several_contradicting_nodes_the_first_is_named_in_any_order_of_pairs() -> None:
    pairs = [(0, 3, 4), (1, 3, 4), (2, 3, 4)]
    for order in itertools.permutations(pairs):
        decisions, _ = decide(["lynx", "lynx", "lynx", "puma"], [False] * 4, list("abcd"), *order)
        assert decisions[3].other == 0
        assert [decision.outcome for decision in decisions] == [Outcome.LABEL_CONFLICT] * 4


def test_what_is_alike_only_to_a_conflict_stays() -> None:
    decisions, cluster = decide(["lynx", "puma", "puma"], [False] * 3, list("abc"), (0, 1, 4), (1, 2, 4))
    assert outcomes(decisions) == [*BOTH, (None, None)]
    assert cluster == [0, 0, 0]  # the chain of likeness is still said


def test_a_conflict_within_one_genus_is_kept_once_under_the_genus() -> None:
    decisions, _ = decide(["puma", "cougar"], [False] * 2, list("ab"), (0, 1, 4), lower=True)
    assert [(decision.outcome, decision.lowered) for decision in decisions] == [
        (None, RANK_IDS.index("genus_id")),
        (Outcome.NEAR_DUPLICATE, None),
    ]
    assert decisions[1].other == 0
    assert '"genus"' in decisions[0].evidence


def test_the_distance_between_two_alike_pictures_is_said() -> None:
    decisions, _ = decide(["lynx"] * 3, [False] * 3, list("abc"), (0, 1, 4), (2, 0, 7))
    assert outcomes(decisions) == [(None, None), (Outcome.NEAR_DUPLICATE, 0), (Outcome.NEAR_DUPLICATE, 0)]
    assert [
        '"distance":4' in decisions[1].evidence.replace(" ", ""),
        '"distance":7' in decisions[2].evidence.replace(" ", ""),
    ] == [True, True]
    assert '"hamming"' in decisions[1].evidence


def test_no_records_have_no_decisions() -> None:
    decisions, cluster = decide([], [], [])
    assert (decisions, cluster) == ([], [])
