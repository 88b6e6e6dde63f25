"""What quotas leave of a catalog, against the definition of each rule record by record."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import SelectRules
from manifests.condition_columns import RECORD_COLUMNS
from pipeline.quotas.quota_rules import TOLD
from pipeline.quotas.sizes import tempered
from tests.pipeline.quotas.quota_definitions import ROWS, RULES, Caps, Row, by_definition, decided


@settings(max_examples=40, deadline=None)
@given(ROWS, RULES, st.tuples(*[st.none() | st.integers(1, 4)] * 2), st.randoms(use_true_random=False))
def test_quotas_end_what_their_definitions_end_in_any_order_of_the_records(
    rows: list[Row], said: dict[str, Any], caps: Caps, chance: random.Random
) -> None:
    rows = [{**row, "record_id": f"r{place:02d}"} for place, row in enumerate(rows)]
    if "thin_to" not in said:
        said = {key: value for key, value in said.items() if not key.startswith("thin_")}
    elif not {"thin_degrees", "thin_by"} & said.keys():
        said = {**said, "thin_degrees": 1.0}
    rules = SelectRules(**said)
    expected = by_definition(rows, rules, dict(zip("st", caps, strict=True)))
    chance.shuffle(rows)
    stay, ended = decided(rows, rules, caps)
    assert ended == expected
    assert stay == {row["record_id"] for row in rows} - ended.keys()


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 2000), min_size=1, max_size=12),
    *(st.integers(1, 3000), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(0, 50), st.integers(0, 20)),
)
def test_a_tempered_quota_has_the_wanted_sum_within_its_bounds_and_no_taxon_is_passed_by_a_smaller_one(
    counts: dict[str, int], target: int, power: float, most: int, least: int
) -> None:
    least = min(least, most) if most else least
    quota = tempered(counts, target, power, most, least)
    ceiling = {taxon: min(count, most) if most else count for taxon, count in counts.items()}
    floor = {taxon: min(least, ceiling[taxon]) for taxon in counts}
    assert all(floor[taxon] <= quota[taxon] <= ceiling[taxon] for taxon in counts)
    assert sum(quota.values()) == max(min(target, sum(ceiling.values())), sum(floor.values()))
    for one in counts:
        for other in counts:
            if counts[one] > counts[other]:
                assert quota[one] >= quota[other] - (one > other)
    assert quota == tempered(dict(sorted(counts.items(), reverse=True)), target, power, most, least)


@pytest.mark.parametrize(("power", "shares"), [(1.0, [800, 160, 40]), (0.0, [334, 333, 200])])
def test_power_one_keeps_proportions_and_power_nought_gives_the_same_to_each(power: float, shares: list[int]) -> None:
    counts = {"a": 4000, "b": 800, "c": 200}
    quota = tempered(counts, sum(shares), power)
    assert list(quota.values()) == shares


def test_quotas_of_columns_tell_values_apart_and_say_which_was_too_rare_or_over_its_quota() -> None:
    stages = ["Egg"] * 2 + ["Adult"] * 7 + [None] * 4
    rows = [
        dict.fromkeys(("sex", "lat", "lon", "event_year", "event_month", "event_time", "license_family", "box_x"))
        | {"record_id": f"r{place:02d}", "name_id": "n0", "source": "s", "life_stage": stage}
        for place, stage in enumerate(stages)
    ]
    rules = SelectRules(min_per_taxon=3, cap_per_taxon=5, quota_columns=("life_stage",))
    ledger: list[Row] = []
    stay, _ = decided(rows, rules, (None, None), ledger)
    kept = [stages[int(each[1:])] for each in stay]
    assert sorted(map(str, kept)) == ["Adult"] * 5 + ["None"] * 4
    proofs = {row["evidence"] for row in ledger}
    assert proofs == {
        '{"images":2,"life_stage":"Egg","minimum":3,"rule":"select.min_per_taxon","taxon":"sp:a"}',
        '{"cap":5,"images":7,"life_stage":"Adult","rule":"cap_per_taxon","taxon":"sp:a"}',
    }
    decided(rows, dataclasses.replace(rules, quota_columns=("lat",)), (None, None), ledger)
    assert "lat" not in ledger[-1]["evidence"], "what leads to a place is never repeated"


def test_no_column_of_a_record_has_the_name_of_a_word_of_the_evidence() -> None:
    words = {word for told in TOLD.values() for word in (told.had, told.wanted)} | {"rule", "taxon", "split"}
    assert not words & set(RECORD_COLUMNS)
