"""What a question says of itself, without a hint beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from taxonomy import Taxonomy
from tests.taxonomy.conftest import ask

ROWS = (
    "taxonID\tparentNameUsageID\tscientificName\ttaxonRank\n1\t\tAsteraceae\tfamily\n2\t1\tCentaurea\tgenus\n"
    "3\t1\tSerratula\tgenus\n4\t2\tJacea\tsubgenus\n5\t3\tJacea\tsubgenus\n"
)


@pytest.mark.parametrize(("genus", "usage"), [("Centaurea", "source0:4"), ("Serratula", "source0:5")])
def test_a_subgenus_that_is_written_with_its_genus_is_the_one_in_that_genus(
    made: Callable[..., Taxonomy], genus: str, usage: str
) -> None:
    taxonomy = made(ROWS)
    assert ask(taxonomy, "Jacea")["match_type"] == "LCA"
    row = ask(taxonomy, f"{genus} subg. Jacea")
    assert (row["accepted_id"], row["hint_agreement"]) == (usage, '{"genus":"agree"}')
    # A genus that is stated beside the name is asked before the one within it.
    other = {"Centaurea": "Serratula", "Serratula": "Centaurea"}[genus]
    assert ask(taxonomy, f"{genus} subg. Jacea", genus=other)["accepted_id"] != usage
