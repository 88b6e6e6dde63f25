"""Which usage answers where several bear a name, and how sure an answer is with rivals and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from taxonomy import Taxonomy
from taxonomy.match.evidence import COMPONENTS, confidence
from tests.taxonomy.conftest import ask
from tests.taxonomy.match.test_evidence import BIRDS, HEAD
from tests.taxonomy.match.test_resolve import HOMONYMS

MORE = """
50\tPasser domesticus minor\t\tsubspecies\tsynonym\t7\t100
100\tPasser domesticus minor\t\tinfraspecific name\taccepted\t7\t
101\tMorus\t\tgenus\taccepted\t23\t
102\tMorus\t\tgenus\taccepted\t5\t
"""


@pytest.fixture
def birds(made: Callable[..., Taxonomy]) -> Taxonomy:
    return made(HEAD + BIRDS + MORE.lstrip("\n"))


def worth(row: dict[str, Any], extra: int) -> int:
    """Return the confidence that the points of an answer, and some more, stand for."""
    total = sum(row[f"{component}_score"] for component in COMPONENTS)
    return int(confidence(np.array([total + extra]))[0])


def test_usages_of_one_taxon_are_one_candidate_and_the_accepted_one_stands_for_it(birds: Taxonomy) -> None:
    # Both have as many points: what the synonym lacks in status it has in rank, and its id is the older one.
    row = ask(birds, "Passer domesticus minor", rank="subspecies")
    assert (row["usage_id"], row["taxonomic_status"]) == ("source0:100", "accepted")
    assert (row["n_candidates"], row["runner_up_id"], row["issues"]) == (1, None, [])


def test_an_answer_without_a_rival_is_surer_by_five_points(birds: Taxonomy) -> None:
    alone = ask(birds, "Passer")
    assert alone["confidence"] == worth(alone, 5) > worth(alone, 2)
    # A rival that is out of the question is none.
    told = ask(birds, "Morus", kingdom="Plantae")
    assert (told["n_candidates"], told["accepted_id"]) == (2, "source0:101")
    assert told["confidence"] == worth(told, 5) > worth(told, 2)


def test_an_answer_by_status_alone_costs_ten_of_its_confidence(made: Callable[..., Taxonomy]) -> None:
    row = ask(made(HOMONYMS), "Abies alba")
    assert (row["n_candidates"], row["issues"]) == (2, ["accepted_over_synonyms"])
    assert row["confidence"] == worth(row, 0) - 10
