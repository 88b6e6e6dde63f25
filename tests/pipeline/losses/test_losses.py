"""A source that loses most of its rows says so, with the commonest outcome; one that does not stays silent."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import LicencePolicy, Recipe, SourceSpec
from pipeline.losses.losses import largest_loss, largest_losses
from pipeline.losses.run_losses import ENDING, rows_left, run_losses, stage_losses
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.storage.files.atomic import write_json, write_table
from pipeline.storage.run_folder import RunFolder

RECIPE = Recipe("r", (SourceSpec("a", "lila", "a.csv"),), licences=LicencePolicy(allow=("CC0",)))
OUTCOMES = {stage: [each for each in Outcome if each.info.stage == stage][:3] for stage in ENDING}
OUTCOMES["select"] = [Outcome.OVER_QUOTA]


def folder_of(root: Path, rows: dict[str, int], ended: dict[str, list[tuple[str, Outcome, str]]]) -> RunFolder:
    """Write the marks and ledgers of a run: rows of each source, and how rows ended in each stage."""
    folder = RunFolder(root)
    left = dict(rows)
    for stage in ENDING:
        gone = Counter(source for source, _, _ in ended.get(stage, []))
        balance = [
            {"source": source, "rows_in": count, "rows_out": count - gone[source], "ended": gone[source]}
            for source, count in sorted(left.items())
            if count or stage == ENDING[0]
        ]
        facts = {"sources": {source: {"absorbed": 0} for source in rows}} if stage == ENDING[0] else {}
        ledger = [
            {"row_id": str(number), "source": source, "outcome": outcome.code, "evidence": json.dumps({"value": value})}
            for number, (source, outcome, value) in enumerate(ended.get(stage, []))
        ]
        write_table(folder.stage(stage) / "ledger" / "part.parquet", pa.Table.from_pylist(ledger, ENDED_SCHEMA))
        write_json(folder.done(stage), {"facts": facts, "balance": balance})
        left = {source: count - gone[source] for source, count in left.items()}
    return folder


ENDED = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "it's"]),
        st.sampled_from([Outcome.KEPT, Outcome.GONE, Outcome.NAME_UNRESOLVED, Outcome.NOT_SELECTED, Outcome.BAD_URL]),
        st.sampled_from([{}, {"value": "x"}, {"value": "y"}, {"address": "https://x.org/1"}, {"missing": "Aus"}]),
    ),
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(ENDED)
def test_the_losses_of_all_sources_are_those_of_each_counted_by_hand(
    ended: list[tuple[str, Outcome, dict[str, str]]],
) -> None:
    rows = [
        {"source": source, "outcome": outcome.code, "evidence": json.dumps(proof)} for source, outcome, proof in ended
    ]
    with duckdb.connect() as con:
        con.register("ledger", pa.Table.from_pylist(rows, ENDED_SCHEMA))
        found = largest_losses(con, "ledger")
        assert all(largest_loss(con, "ledger", source) == found.get(source) for source in ("a", "b", "it's"))
    lost = [each for each in ended if each[1] not in (Outcome.KEPT, Outcome.NOT_SELECTED)]
    assert found.keys() == {source for source, _, _ in lost}
    for source, loss in found.items():
        of_source = Counter(outcome for each, outcome, _ in lost if each == source)
        assert (loss.outcome, loss.rows) == min(of_source.items(), key=lambda pair: (-pair[1], pair[0].code))
        proofs = [proof for each, outcome, proof in lost if (each, outcome) == (source, loss.outcome)]
        assert loss.not_in_taxonomy == (2 * sum("missing" in proof for proof in proofs) > len(proofs))
        if loss.outcome is Outcome.NAME_UNRESOLVED:
            values = Counter(proof.get("value") for proof in proofs)
            assert loss.with_value == max(values.values()) == values[loss.value or None]


@settings(max_examples=8)
@given(st.data())
def test_a_line_is_given_exactly_when_more_than_half_is_lost(data: st.DataObject) -> None:
    rows = {name: data.draw(st.integers(0, 9)) for name in ("a", "b")}
    left = dict(rows)
    ended: dict[str, list[tuple[str, Outcome, str]]] = {}
    losses: dict[tuple[str, str], tuple[int, int]] = {}
    for stage in ENDING:
        ended[stage] = []
        for source in rows:
            lost = data.draw(st.integers(0, left[source]))
            losses[stage, source] = (left[source], lost)
            ended[stage] += [(source, data.draw(st.sampled_from(OUTCOMES[stage])), "x") for _ in range(lost)]
            left[source] -= lost
    with TemporaryDirectory() as root:
        folder = folder_of(Path(root), rows, ended)
        for stage in ENDING:
            said = list(stage_losses(folder, stage, RECIPE))
            for source in rows:
                entered, lost = losses[stage, source]
                own = [line for line in said if f"source {source}:" in line and "so far" not in line]
                empty = stage == ENDING[0] and rows[source] == 0
                assert len(own) == (2 * lost > entered or empty), (stage, source, said)
        whole = list(run_losses(folder, RECIPE))
        for source, count in rows.items():
            assert any(f"source {source}:" in line for line in whole) == (2 * left[source] < count or count == 0)
        assert rows_left(folder) == sum(left.values())


def test_the_line_names_rows_outcome_cause_and_key(tmp_path: Path) -> None:
    barred = [("a", Outcome.LICENCE_NOT_ALLOWED, "CDLA-Permissive-1.0")] * 6
    other = [("a", Outcome.LICENCE_NOT_ALLOWED, "CC-BY-4.0"), ("a", Outcome.NOT_IMAGE, "Sound")]
    folder = folder_of(tmp_path, {"a": 10, "b": 3}, {"screen": barred + other})
    assert list(stage_losses(folder, "screen", RECIPE)) == [
        "screen: source a: 7 of 10 rows ended as licence_not_allowed (CDLA-Permissive-1.0 in 6), 1 otherwise; "
        'licences.allow lists CC0: add "CDLA-Permissive"'
    ]
    assert rows_left(folder) == 5
    assert rows_left(folder, "resolve") == 13


def test_losses_that_are_small_each_and_large_together_are_told_once(tmp_path: Path) -> None:
    ended = {
        "screen": [("a", Outcome.NOT_IMAGE, "Sound")] * 40,
        "fetch": [("a", Outcome.GONE, "x")] * 20,
        "likeness": [("a", Outcome.EXACT_DUPLICATE, "x")] * 4,
    }
    folder = folder_of(tmp_path, {"a": 100}, ended)
    said = {stage: list(stage_losses(folder, stage, RECIPE)) for stage in ENDING}
    assert {stage for stage, lines in said.items() if lines} == {"fetch"}
    assert said["fetch"][0].startswith(
        "fetch: so far, source a: 40 of 100 rows ended as not_image (Sound), 20 otherwise"
    )


def test_a_value_of_a_record_stays_on_one_line(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": 1}, {"screen": [("a", Outcome.NOT_IMAGE, "a\nb\r" + "c" * 500)]})
    (line,) = stage_losses(folder, "screen", RECIPE)
    assert "\n" not in line and "\r" not in line and len(line) < 600


@pytest.mark.parametrize("stage", ["resolve", "shards", "catalog"])
def test_stages_in_which_no_row_ends_say_nothing(stage: str, tmp_path: Path) -> None:
    assert list(stage_losses(RunFolder(tmp_path), stage, RECIPE)) == []


def test_a_benchmark_most_of_whose_images_cannot_be_compared_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    outcomes: dict[str, list[str | None]] = {
        "half": [None, "corrupt"],
        "most": [None, "corrupt", "corrupt", "empty"],
        "whole": [None],
    }
    rows = [{"benchmark": name, "outcome": each} for name, found in outcomes.items() for each in found]
    write_table(folder.stage("holdout") / "items" / "a.parquet", pa.Table.from_pylist(rows))
    (line,) = stage_losses(folder, "holdout", RECIPE)
    assert line.startswith("holdout: benchmark most: 3 of 4 images cannot be compared, most as corrupt; ")
