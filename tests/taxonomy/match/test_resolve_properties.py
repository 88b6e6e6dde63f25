from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonomy import MATCH_TYPES, Taxonomy, resolve
from tests.taxonomy.build.test_default_data import TAXA

NAMES = sorted({row["scientificName"] for row in TAXA})
FORMS = ("{}", "{} L.", "{} sp.", "{} x", "cf. {}", "{} subsp. minor", "{}?", "  {} ", "{} (Linnaeus, 1758)")
name = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.builds(lambda form, n: form.format(n), st.sampled_from(FORMS), st.sampled_from(NAMES)),
)
hint = st.one_of(st.none(), st.sampled_from(NAMES), st.sampled_from(["Metazoa", "unknown", "", "FELIDAE"]))
COLUMNS = ("kingdom", "phylum", "class", "order", "family", "genus")
row = st.fixed_dictionaries(
    {"scientific_name": name, "name_authorship": st.sampled_from([None, "L.", "Linnaeus, 1758", "Blume"])}
    | dict.fromkeys(COLUMNS, hint)
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([(key, pa.string()) for key in ("name_id", "scientific_name", "name_authorship", *COLUMNS)])
    return pa.Table.from_pylist([{"name_id": str(i), **each} for i, each in enumerate(rows)], schema=schema)


@given(st.lists(row, min_size=1, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_answers_do_not_depend_on_the_other_rows_or_their_order(default: Taxonomy, rows: list[Any], mixer: Any) -> None:
    asked = table(rows)
    answers = resolve(default, asked).to_pylist()
    assert [answer["name_id"] for answer in answers] == asked["name_id"].to_pylist()
    order = list(range(len(rows)))
    mixer.shuffle(order)
    mixed = resolve(default, asked.take(order)).to_pylist()
    assert mixed == [answers[i] for i in order]
    assert resolve(default, asked.slice(0, 1)).to_pylist() == answers[:1]


@given(st.lists(row, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_answer_keeps_the_promises(default: Taxonomy, rows: list[Any]) -> None:
    for answer in resolve(default, table(rows)).to_pylist():
        resolved = answer["match_type"] not in ("NONE", "AMBIGUOUS")
        assert answer["match_type"] in MATCH_TYPES
        assert (answer["accepted_id"] is not None) == resolved == (answer["usage_id"] is not None)
        assert 0 <= answer["confidence"] <= 100
        if answer["species"] is not None:
            assert answer["genus"] == answer["species"].split(" ")[0]
            assert answer["genus_id"] is not None
        if answer["match_type"] in ("GENUS", "HIGHER_RANK"):
            assert answer["species"] is None
        if resolved:
            assert answer["kingdom_id"] == f"bm:{answer['kingdom']}"
            assert '"kingdom":"disagree"' not in answer["hint_agreement"]
        else:
            assert [answer[rank] for rank in COLUMNS] == [None] * 6
