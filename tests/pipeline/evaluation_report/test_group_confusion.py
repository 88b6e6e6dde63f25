"""Confusion by groups: what a count of single pictures gives, in the order of the tree, at a rank that can be read."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.recipe import RANKS
from pipeline.evaluate.measures.confusion import confusion, taxon_accuracies
from pipeline.evaluate.measures.lineages import Lineages, read_lineages
from pipeline.evaluation_report.group_confusion import group_confusion, readable_rank

NAMES = st.sampled_from(["a", "b", "c", None])
TREES = st.lists(st.tuples(*(NAMES for _ in RANKS)), min_size=1, max_size=12)
GUESSES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=60)


def lineages_of(tree: list[tuple[str | None, ...]]) -> Lineages:
    return read_lineages([dict(zip(RANKS, each, strict=True)) for each in tree])


@settings(max_examples=150, deadline=None)
@given(TREES, GUESSES, st.sampled_from(RANKS), st.integers(2, 6))
def test_it_is_what_counting_pictures_gives(
    tree: list[tuple[str | None, ...]], pairs: list[tuple[int, int]], rank: str, most: int
) -> None:
    lineages = lineages_of(tree)
    labels = np.array([true % len(tree) for true, _ in pairs])
    guesses = np.array([guess % len(tree) for _, guess in pairs])
    keys = [str(place) for place in range(len(pairs))]
    wrong = confusion(lineages, labels, guesses, np.zeros(len(pairs)), keys)
    found = group_confusion(lineages, wrong, taxon_accuracies(lineages, labels, guesses), rank)

    at = RANKS.index(rank)

    def group(taxon: int) -> tuple[str | None, str | None]:
        return (None, None) if tree[taxon][at] is None else (tree[taxon][0], tree[taxon][at])

    expected = Counter((group(a), group(b)) for a, b in zip(labels.tolist(), guesses.tolist(), strict=True))
    assert sorted(found.cells.values()) == sorted(expected.values())
    right = sum(many for (one, other), many in expected.items() if one == other)
    assert sum(many for (one, other), many in found.cells.items() if one == other) == right
    assert len(found.names) == len({each for cell in expected for each in cell}) == len(set(found.names))
    folded = found.folded(most)
    assert len(folded.names) <= max(most, 1)
    assert sum(folded.cells.values()) == len(pairs)


def test_groups_stand_in_the_order_of_the_tree_and_those_without_the_rank_last() -> None:
    tree = [("P", None, "z", None), ("A", None, "m", None), ("A", None, "b", None), ("A", None, None, None)]
    lineages = lineages_of([(*each, None, None, str(place)) for place, each in enumerate(tree)])
    labels = np.array([0, 1, 2, 3])
    found = group_confusion(lineages, [], taxon_accuracies(lineages, labels, labels), "class")
    assert found.names == ("b", "m", "z", "no class")


def test_groups_of_one_name_in_two_kingdoms_are_told_apart() -> None:
    lineages = lineages_of([("A", None, None, None, None, "Morus", "x"), ("P", None, None, None, None, "Morus", "y")])
    labels = np.array([0, 1])
    found = group_confusion(lineages, [], taxon_accuracies(lineages, labels, labels), "genus")
    assert found.names == ("Morus (A)", "Morus (P)")


def test_the_rank_is_the_finest_that_can_be_read() -> None:
    def rank_of(taxa: int, genera: int, families: int) -> str:
        tree = [("A", "p", "c", "o", f"f{each % families}", f"g{each % genera}", f"s{each}") for each in range(taxa)]
        lineages = lineages_of([(*each,) for each in tree])
        labels = np.arange(taxa)
        return readable_rank(lineages, taxon_accuracies(lineages, labels, labels))

    assert rank_of(10, 5, 2) == "species"
    assert rank_of(40, 20, 4) == "genus"
    assert rank_of(10_000, 3_000, 12) == "family"
    assert rank_of(10_000, 3_000, 600) == "family", "all have too many groups: the coarsest is folded"
    assert rank_of(1, 1, 1) == ""
