"""The scores on the published suites do not fall below what is reached today."""

from __future__ import annotations

import pytest

from taxonomy import parse_name
from tests.conformance.names import GBIF, GNPARSER, gnparser_form, score_gbif, score_gnparser, unfold


def test_scores_on_the_cases_of_gnparser() -> None:
    if not GNPARSER.exists():
        pytest.skip("the cases of gnparser are not here")
    plain, formed, told = score_gnparser()
    assert plain.cases > 400
    assert plain.share > 0.905
    assert formed.share > 0.95
    assert told.share > 0.955


def test_scores_on_the_golden_file_of_gbif() -> None:
    if not GBIF.exists():
        pytest.skip("the golden file of GBIF's parser is not here")
    plain, coded, types = score_gbif()
    assert types.cases > 5_000
    assert plain.share > 0.955
    assert coded.share > 0.973
    assert types.share > 0.988


def test_cases_that_were_run_together_are_taken_apart() -> None:
    block = (
        'Arv1virus\n\nCanonical:\n\nAuthorship:\n\n```json\n{"parsed":false,"verbatim":"Arv1virus"}\n```\n\nName: Puma'
    )
    cases = list(unfold({"name": block, "parsed": True, "canonicals": {"simple": "Puma"}}))
    assert [(case["name"], case["parsed"]) for case in cases] == [("Arv1virus", False), ("Puma", True)]


def test_the_form_of_gnparser_holds_what_the_canonical_name_leaves_out() -> None:
    assert gnparser_form(parse_name("Salix aurita L. × S. caprea L.")) == "Salix aurita × Salix caprea"
    assert gnparser_form(parse_name("Aus bus subsp. cus var. dus")) == "Aus bus cus dus"
    assert gnparser_form(parse_name("Parus aff. major")) == "Parus"
