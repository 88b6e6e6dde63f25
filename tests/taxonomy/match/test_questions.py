"""What is read from a name itself before anything is looked up."""

from __future__ import annotations

import pyarrow as pa
import pytest

from taxonomy import TaxonomyError
from taxonomy.match.questions import read_questions


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
