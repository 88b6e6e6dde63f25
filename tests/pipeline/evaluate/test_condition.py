"""Pictures that a condition chooses are judged, those of the training split teach in any case, and others are out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluate import EvaluationRules, evaluate, evaluate_run, read_run, text_vectors, write_embeddings
from pipeline.evaluate.condition import chosen_by
from pipeline.model.errors import EvaluationError, FeedError
from pipeline.storage.files.atomic import write_table
from tests.pipeline.evaluate.conftest import Drawn

RULES = EvaluationRules(permutations=19, folds=2)


@pytest.fixture(scope="module")
def shards(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_table(folder / "manifest.parquet", drawn.table)
    write_embeddings(folder / "e.parquet", drawn.pictures.keys, drawn.images.astype(np.float32))
    return folder


@pytest.mark.parametrize(
    "condition",
    [
        "source = 'two' AND split <> 'train'",
        "SELECT key FROM samples WHERE source = 'two' AND split <> 'train'",
        "  with x as (FROM samples) SELECT key, key AS other FROM x WHERE source = 'two' AND split <> 'train'",
    ],
)
def test_figures_are_of_the_chosen_pictures_alone(drawn: Drawn, shards: Path, condition: str) -> None:
    done = evaluate_run(shards, shards / "e.parquet", rules=RULES, condition=condition)
    rows = drawn.table.to_pylist()
    chosen = {row["key"] for row in rows if row["source"] == "two" and row["split"] != "train"}
    taught = {row["key"] for row in rows if row["split"] == "train"}
    facts = done.found.evaluation
    assert set(done.pictures.keys) == chosen | taught
    assert (facts.evaluated, facts.trained, facts.where) == (len(chosen), len(taught), condition)
    assert facts.classifications[0].parts[0].images == len(chosen)
    assert {each.value for each in facts.slices if each.column == "source"} == {"two"}
    assert facts.diagnostics is not None and facts.diagnostics.judged + facts.diagnostics.not_judged == len(chosen)
    assert {key for pair in done.found.confusion for key in pair.pictures} <= chosen
    found = done.found.diagnostics
    assert found is not None
    assert {key for key, told in zip(done.pictures.keys, found.judged, strict=True) if told} <= chosen
    whole = evaluate_run(shards, shards / "e.parquet", rules=RULES)
    assert facts.spread != whole.found.evaluation.spread


def test_a_condition_that_is_true_of_all_changes_nothing(shards: Path) -> None:
    plain = evaluate_run(shards, shards / "e.parquet", rules=RULES).found
    found = evaluate_run(shards, shards / "e.parquet", rules=RULES, condition="true").found
    assert replace(found.evaluation, where="") == plain.evaluation
    assert found.confusion == plain.confusion


def test_the_candidates_stay_those_of_the_whole_run(drawn: Drawn, shards: Path) -> None:
    condition = "accepted_id IN ('t00', 't01') AND split = 'val'"
    done = evaluate_run(shards, shards / "e.parquet", rules=RULES, condition=condition)
    (centroid,) = done.found.evaluation.classifications
    whole = evaluate_run(shards, shards / "e.parquet", rules=RULES).found.evaluation.classifications[0]
    assert centroid.candidates == whole.candidates == 16


def test_chosen_training_pictures_are_judged_by_the_others_of_their_split(drawn: Drawn, shards: Path) -> None:
    condition = "split = 'train' AND source = 'two'"
    done = evaluate_run(shards, shards / "e.parquet", rules=RULES, condition=condition)
    rows = [row for row in drawn.table.to_pylist() if row["split"] == "train"]
    facts = done.found.evaluation
    assert facts.evaluated == sum(row["source"] == "two" for row in rows)
    assert facts.trained == sum(row["source"] != "two" for row in rows)
    assert "the others of it teach" in facts.notes[0]


def test_vectors_of_pictures_that_are_not_asked_for_need_not_be_there(drawn: Drawn, shards: Path) -> None:
    wanted = drawn.pictures.in_split("val") | drawn.pictures.in_split("train")
    rows = np.flatnonzero(wanted)
    keys = [drawn.pictures.keys[row] for row in rows]
    write_embeddings(shards / "some.parquet", keys, drawn.images[rows].astype(np.float32))
    with pytest.raises(EvaluationError, match="have no embedding"):
        evaluate_run(shards, shards / "some.parquet", rules=RULES)
    found = evaluate_run(shards, shards / "some.parquet", rules=RULES, partial=True, condition="split = 'val'")
    assert found.found.evaluation.left_out == 0
    with pytest.raises(EvaluationError, match="no picture that is chosen has an embedding"):
        evaluate_run(shards, shards / "some.parquet", rules=RULES, partial=True, condition="split LIKE '%unseen%'")


def test_what_cannot_be_chosen_is_said(drawn: Drawn, shards: Path) -> None:
    pictures = read_run(shards)
    with pytest.raises(EvaluationError, match="no picture is chosen"):
        chosen_by(shards, "split = 'vall'", pictures)
    with pytest.raises(FeedError, match="the condition cannot be answered"):
        chosen_by(shards, "splitt = 'val'", pictures)
    with pytest.raises(FeedError, match="the condition cannot be answered"):
        chosen_by(shards, "SELECT split FROM samples", pictures)
    with pytest.raises(FeedError, match="the condition cannot be answered"):
        chosen_by(shards, f"SELECT key FROM '{shards}/manifest.parquet'", pictures)
    with pytest.raises(EvaluationError, match="no picture is chosen"):
        evaluate(drawn.pictures, drawn.images, rules=RULES, chosen=np.zeros(len(drawn.pictures), np.bool_))


def test_texts_and_an_untrained_model_may_be_of_the_whole_run(drawn: Drawn, shards: Path) -> None:
    write_embeddings(shards / "t.parquet", drawn.pictures.classes, drawn.texts.astype(np.float32), key="accepted_id")
    found = evaluate_run(
        *(shards, shards / "e.parquet", shards / "t.parquet", None, shards / "e.parquet"),
        rules=RULES,
        condition="source = 'one'",
    ).found.evaluation
    assert {each.name for each in found.controls} >= {"untrained", "shuffled_texts"}
    assert found.classifications[0].candidates == 36


def test_zero_shot_of_a_condition_is_that_of_its_pictures(drawn: Drawn) -> None:
    """By hand: the share of the chosen pictures whose nearest text is their own."""
    chosen = np.array([source == "two" for source in drawn.pictures.columns["source"]])
    texts = text_vectors(np.arange(36), drawn.texts)
    found = evaluate(drawn.pictures, drawn.images, texts, rules=RULES, chosen=chosen, where="x").evaluation
    mine = chosen & ~drawn.pictures.in_split("train")
    unit = drawn.images / np.linalg.norm(drawn.images, axis=1, keepdims=True)
    nearest = np.argmax(unit[mine] @ texts.vectors.T, axis=1)
    expected = float((nearest == drawn.pictures.labels[mine]).mean())
    assert found.classifications[0].parts[0].top[0].accuracy == pytest.approx(expected)
    assert found.evaluated == mine.sum()
