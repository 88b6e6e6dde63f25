"""Heights of lowest common ancestors by trees drawn by hand, and against a walk over each pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.recipe import RANKS
from pipeline.evaluate.measures.lineages import read_lineages
from pipeline.evaluate.measures.ranks import rank_accuracies
from pipeline.evaluate.measures.severity import severity
from pipeline.model.errors import EvaluationError

PUMA = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Puma", "Puma concolor")
YAGOUAROUNDI = (*PUMA[:6], "Puma yagouaroundi")
LYNX = (*PUMA[:5], "Lynx", "Lynx lynx")
WOLF = (*PUMA[:4], "Canidae", "Canis", "Canis lupus")
WREN = ("Animalia", "Chordata", "Aves", "Passeriformes", "Troglodytidae", "Troglodytes", "Troglodytes troglodytes")
BEETLE = ("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Carabidae", "Carabus", "Carabus auratus")
OAK = ("Plantae", "Tracheophyta", "Magnoliopsida", "Fagales", "Fagaceae", "Quercus", "Quercus robur")
TREE = (PUMA, YAGOUAROUNDI, LYNX, WOLF, WREN, BEETLE, OAK)


def rows(*lineages: tuple[str | None, ...]) -> list[dict[str, str | None]]:
    return [dict(zip(RANKS, each, strict=True)) for each in lineages]


def test_heights_are_those_of_a_tree_drawn_by_hand() -> None:
    tree = read_lineages(rows(*TREE))
    puma = np.zeros(7, np.int64)
    assert tree.heights(puma, np.arange(7)).tolist() == [0, 1, 2, 3, 5, 6, 7]
    assert tree.heights(np.arange(7), puma).tolist() == [0, 1, 2, 3, 5, 6, 7]


def test_one_name_in_two_kingdoms_is_two_taxa() -> None:
    gannet = ("Animalia", None, None, None, None, "Morus", "Morus bassanus")
    mulberry = ("Plantae", None, None, None, None, "Morus", "Morus alba")
    tree = read_lineages(rows(gannet, mulberry))
    assert tree.heights(np.array([0]), np.array([1])).tolist() == [7]
    genus = rank_accuracies(tree, np.array([0]), np.array([1]))[5]
    assert (genus.images, genus.accuracy) == (1, 0.0)


def test_ranks_that_one_of_two_lacks_are_passed_over() -> None:
    without_family = (*PUMA[:4], None, "Puma", "Puma yagouaroundi")
    only_genus = (*PUMA[:6], None)
    tree = read_lineages(rows(PUMA, without_family, only_genus, (None,) * 7))
    assert tree.heights(np.zeros(4, np.int64), np.arange(4)).tolist() == [0, 1, 1, 7]


def test_a_subspecies_of_a_species_is_not_told_apart_and_is_still_a_mistake() -> None:
    tree = read_lineages(rows(PUMA, PUMA))
    found = severity(tree, np.array([0, 0]), np.array([1, 0]))
    assert (found.mistakes, found.over_mistakes, found.over_all) == (1, 0.0, 0.0)


def test_a_class_without_a_family_is_neither_right_nor_wrong_at_family() -> None:
    tree = read_lineages(rows(PUMA, (*PUMA[:4], None, "Puma", "Puma x"), LYNX))
    found = {each.rank: each for each in rank_accuracies(tree, np.array([0, 1, 2, 0]), np.array([2, 1, 2, 1]))}
    assert (found["family"].images, found["family"].accuracy) == (3, 2 / 3)  # the last guess has no family: wrong
    assert (found["genus"].images, found["genus"].accuracy) == (4, 0.75)
    assert found["order"].accuracy == 1.0


def test_severity_of_known_mistakes() -> None:
    tree = read_lineages(rows(*TREE))
    found = severity(tree, np.array([0, 0, 0, 0]), np.array([0, 1, 3, 6]))
    assert (found.images, found.mistakes) == (4, 3)
    assert found.over_mistakes == pytest.approx((1 + 3 + 7) / 3)
    assert found.over_all == pytest.approx(11 / 4)
    assert found.heights == (1, 1, 0, 1, 0, 0, 0, 1)
    assert found.chance == pytest.approx((1 + 2 + 3 + 5 + 6 + 7) / 6)


def test_severity_of_nothing_and_of_no_mistakes() -> None:
    tree = read_lineages(rows(*TREE))
    none = np.zeros(0, np.int64)
    assert severity(tree, none, none).over_all is None
    assert severity(tree, np.array([2]), np.array([2])).over_mistakes is None


def test_no_classes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="no classes"):
        read_lineages([])


NAMES = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(st.tuples(*[NAMES] * 7), min_size=2, max_size=8))
def test_heights_are_those_of_a_walk_down_each_pair(lineages: list[tuple[str, ...]]) -> None:
    tree = read_lineages(rows(*lineages))
    for i, one in enumerate(lineages):
        for j, other in enumerate(lineages):
            height = 7
            for place in range(7):
                left, right = one[place], other[place]
                if not left or not right:
                    continue
                if (left, one[0]) != (right, other[0]):
                    break
                height = 6 - place
            expected = 0 if i == j else height
            assert tree.heights(np.array([i]), np.array([j])).tolist() == [expected]


@given(st.lists(st.tuples(*[NAMES] * 7), min_size=2, max_size=6), st.data())
def test_rank_accuracies_are_those_of_counting(lineages: list[tuple[str, ...]], data: st.DataObject) -> None:
    tree = read_lineages(rows(*lineages))
    numbers = st.integers(0, len(lineages) - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), max_size=12))
    labels, guesses = np.array(pairs, np.int64).reshape(-1, 2).T
    for rank, found in enumerate(rank_accuracies(tree, labels, guesses)):
        known = [(t, p) for t, p in pairs if lineages[t][rank]]
        right = [lineages[t][rank] == lineages[p][rank] and lineages[t][0] == lineages[p][0] for t, p in known]
        assert found.images == len(known)
        assert found.accuracy == (sum(right) / len(right) if right else None)
