"""Which usages are looked at for a name that nothing bears as it is written."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_lowercase

import numpy as np
import pytest

from taxonomy import Taxonomy
from taxonomy.match import candidates

HEADER = "taxonID\tscientificName\ttaxonRank\n"


def genera(names: list[str]) -> str:
    return HEADER + "".join(f"{number}\t{name}\tgenus\n" for number, name in enumerate(names))


def near(taxonomy: Taxonomy, name: str) -> candidates.Candidates:
    return candidates.near(taxonomy, np.array([0]), np.array([name], dtype=object))


@pytest.mark.parametrize(("there", "found"), [(25, 25), (50, 32)])
def test_of_a_name_that_resembles_many_others_a_bounded_number_of_spellings_is_looked_up(
    made: Callable[..., Taxonomy], there: int, found: int
) -> None:
    alike = [f"Quand{letter}rix" for letter in ascii_lowercase] + [f"Quandar{letter}x" for letter in ascii_lowercase]
    names = [name for name in alike if name != "Quandarix"][:there]
    pairs = near(made(genera(names)), "Quandarix")
    assert len(pairs.row) == len(set(pairs.row.tolist())) == found
    assert set(pairs.edits.tolist()) == {1}
