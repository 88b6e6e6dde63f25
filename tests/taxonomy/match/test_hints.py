"""Hints agree with a lineage under every name that a taxon bears, and speak against it under no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from taxonomy import Taxonomy
from tests.taxonomy.conftest import ask
from tests.taxonomy.match.test_evidence import BIRDS, HEAD, points

OTHER_NAMES = {
    "Compositae": "Asteraceae",
    "Cruciferae": "Brassicaceae",
    "Gramineae": "Poaceae",
    "Guttiferae": "Clusiaceae",
    "Labiatae": "Lamiaceae",
    "Leguminosae": "Fabaceae",
    "Palmae": "Arecaceae",
    "Papilionaceae": "Fabaceae",
    "Umbelliferae": "Apiaceae",
}
"""ICN article 18.5."""


def test_each_of_the_families_with_two_names_is_known_by_both(made: Callable[..., Taxonomy]) -> None:
    rows = ["1\tPlantae\t\tkingdom\taccepted\t\t"]
    for number, family in enumerate(sorted(set(OTHER_NAMES.values()))):
        rows.append(f"f{number}\t{family}\t\tfamily\taccepted\t1\t")
        rows.append(f"g{number}\t{family[:-5]}ella\t\tgenus\taccepted\tf{number}\t")
    taxonomy = made(HEAD + "\n" + "\n".join(rows) + "\n")
    for other, family in OTHER_NAMES.items():
        for hint in (other, family):
            assert ask(taxonomy, f"{family[:-5]}ella", family=hint)["hint_agreement"] == '{"family":"agree"}', hint
        wrong = "Poaceae" if family != "Poaceae" else "Palmae"
        assert ask(taxonomy, f"{family[:-5]}ella", family=wrong)["hint_agreement"] == '{"family":"disagree"}', wrong


@pytest.mark.parametrize("kingdom", ["Animalia", "Metazoa", "METAZOA", "animals"])
def test_a_kingdom_agrees_under_its_other_names(made: Callable[..., Taxonomy], kingdom: str) -> None:
    row = ask(made(HEAD + BIRDS), "Passer domesticus", kingdom=kingdom)
    assert row["hint_agreement"] == '{"kingdom":"agree"}'


def test_a_hint_agrees_by_a_synonym_of_the_taxon_whichever_row_that_one_has(made: Callable[..., Taxonomy]) -> None:
    families = "0\tEmberizidae\t\tfamily\taccepted\t4\t\n00\tFringillaridae\t\tfamily\tsynonym\t4\t0\n"
    families += "26\tEmberiza\t\tgenus\taccepted\t0\t\n27\tMontanidae\t\tfamily\tsynonym\t4\t5\n"
    taxonomy = made(HEAD + BIRDS + families)
    assert taxonomy.row("source0:0") == 0
    for name, synonym in (("Emberiza", "Fringillaridae"), ("Passer", "Montanidae")):
        assert points(taxonomy, "classification", name, family=synonym) == 25 - 2, name
    assert points(taxonomy, "classification", "Emberiza", family="Montanidae") == -15 - 2
