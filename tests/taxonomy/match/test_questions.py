"""What is read from a name itself before anything is looked up."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from taxonomy import Taxonomy, TaxonomyError
from taxonomy.match.questions import read_questions
from tests.taxonomy.conftest import ask


@pytest.mark.parametrize(
    ("name", "given", "genus"),
    [
        ("Centaurea subg. Jacea", "", "Centaurea"),
        ("Centaurea subg. Jacea", "Cyanus", "Cyanus"),
        ("Centaurea jacea", "", ""),
        ("Jacea", "", ""),
        ("BOLD:AAA1234", "", ""),
    ],
)
def test_a_subgenus_says_its_genus_unless_a_genus_is_given(name: str, given: str, genus: str) -> None:
    questions = read_questions(pa.table({"scientific_name": [name], "genus": [given]}))
    assert list(questions.hints["genus"]) == [genus]


def test_a_table_without_names_is_refused_with_the_columns_it_has() -> None:
    with pytest.raises(TaxonomyError, match="no column 'scientific_name'") as caught:
        read_questions(pa.table({"species": ["Puma concolor"]}))
    assert caught.value.where == "columns: species"


def test_a_subgenus_that_is_written_with_its_genus_is_the_one_in_that_genus(made: Callable[..., Taxonomy]) -> None:
    rows = "1\t\tAsteraceae\tfamily\n2\t1\tCentaurea\tgenus\n3\t1\tSerratula\tgenus\n"
    rows += "4\t2\tJacea\tsubgenus\n5\t3\tJacea\tsubgenus\n"
    taxonomy = made("taxonID\tparentNameUsageID\tscientificName\ttaxonRank\n" + rows)
    assert ask(taxonomy, "Jacea")["match_type"] == "LCA"
    for genus, usage in (("Centaurea", "source0:4"), ("Serratula", "source0:5")):
        row = ask(taxonomy, f"{genus} subg. Jacea")
        assert (row["accepted_id"], row["hint_agreement"]) == (usage, '{"genus":"agree"}')
