"""Stems, edits and interval labels keep their promises on any input."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonomy.build.intervals import intervals, lowest_holder
from taxonomy.build.lineage import lowest_common
from taxonomy.names.fuzzy import FAR, MOVED, edits, near_words, remainders, write_remainders
from taxonomy.names.stems import stem

word = st.text(alphabet="abc", min_size=1, max_size=9)


def damerau(one: str, other: str) -> int:
    """Optimal string alignment distance, as defined (a plain table)."""
    table = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            cost = one[i - 1] != other[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


@given(word, word)
def test_a_misspelling_is_one_edit_of_damerau_and_levenshtein(one: str, other: str) -> None:
    found, distance = edits(one, other), damerau(one, other)
    assert (found <= 1) == (distance <= 1)
    assert found == edits(other, one)
    assert found in (0, 1, MOVED, FAR)
    assert found != MOVED or (distance == 2 and sorted(one) == sorted(other))


@given(st.lists(st.text(alphabet="abcde", min_size=5, max_size=8), min_size=1, max_size=30, unique=True), st.data())
@settings(max_examples=60, deadline=None)
def test_near_words_are_those_of_one_edit_with_the_same_first_letter(words: list[str], data: st.DataObject) -> None:
    words = sorted(words)
    arrays = write_remainders(words, 5)
    asked = data.draw(st.text(alphabet="abcde", min_size=5, max_size=8))
    column = pa.chunked_array([pa.array(words)])
    found = near_words([asked], column, arrays["remainders"], arrays["remainder_words"], 5)
    wanted = [(each, edits(asked, each)) for each in words if each[0] == asked[0] and 0 < edits(asked, each) < FAR]
    assert found.get(asked, []) == wanted


def test_remainders_keep_the_first_letter() -> None:
    assert all(each.startswith("v") for each in remainders("vulgaris"))
    assert len(remainders("vulgaris")) == 8


@given(
    st.lists(st.integers(min_value=0, max_value=40), max_size=40), st.lists(st.integers(0, 40), min_size=1, max_size=4)
)
def test_interval_labels_find_the_same_common_ancestor_as_a_walk(mothers: list[int], picked: list[int]) -> None:
    parent = np.array([-1, *(mother % (row + 2) - 1 for row, mother in enumerate(mothers))], dtype=np.int32)
    first, last = intervals(parent)
    assert sorted(first.tolist()) == list(range(len(parent)))
    rows = [each % len(parent) for each in picked]
    assert lowest_holder(parent, first, last, rows) == lowest_common(parent, rows)


@given(st.text(max_size=12))
def test_any_text_has_a_stem_that_is_its_own_lower_case(text: str) -> None:
    assert stem(text) == stem(text.casefold())
    assert stem(text) == stem(text).lower()
