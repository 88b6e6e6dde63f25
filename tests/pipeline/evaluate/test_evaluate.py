"""A whole evaluation of a drawn tree: what has to be high is, controls are at chance, and the bytes are the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from manifests import ScoresSpec
from pipeline.evaluate import (
    Evaluated,
    EvaluationRules,
    Traits,
    evaluate,
    evaluation_lines,
    score_table,
    text_vectors,
    write_evaluation,
)
from pipeline.evaluate.classification import Classification, Part
from pipeline.evaluate.evaluation import rounded
from pipeline.model.errors import EvaluationError
from pipeline.scores.read import read_scores
from tests.pipeline.evaluate.conftest import Drawn, draw

RULES = EvaluationRules(permutations=39)


@pytest.fixture(scope="module")
def done(drawn: Drawn) -> Evaluated:
    random = np.random.default_rng(9)
    texts = text_vectors(np.arange(36), drawn.texts)
    traits = Traits(np.arange(36), drawn.texts[:, :5] + 0.1 * random.standard_normal((36, 5)), tuple("abcde"))
    return evaluate(drawn.pictures, drawn.images, texts, traits, random.standard_normal(drawn.images.shape), RULES)


def part(found: Classification, name: str) -> Part:
    return next(each for each in found.parts if each.name == name)


def test_what_was_drawn_is_counted(done: Evaluated) -> None:
    facts = done.evaluation
    assert (facts.images, facts.classes, facts.dimensions) == (432, 36, 48)
    # 8 genera that are seen have 2 species each in training, half of whose 12 pictures teach.
    assert (facts.trained, facts.evaluated) == (16 * 6, 432 - 96)
    zero_shot, centroid = facts.classifications
    assert [each.name for each in zero_shot.parts] == [
        *("all", "split:test_unseen_genus", "split:test_unseen_species", "split:val"),
        *("seen_taxa", "unseen_species", "unseen_genera"),
    ]
    assert part(zero_shot, "seen_taxa").images == part(zero_shot, "split:val").images == 96
    assert part(zero_shot, "unseen_species").images == 8 * 12
    assert part(zero_shot, "unseen_genera").images == 4 * 3 * 12
    assert (zero_shot.candidates, centroid.candidates) == (36, 16)


def test_zero_shot_knows_unseen_taxa_and_centroids_know_their_genus(done: Evaluated) -> None:
    zero_shot, centroid = done.evaluation.classifications
    for name in ("seen_taxa", "unseen_species", "unseen_genera"):
        each = part(zero_shot, name)
        assert each.top[0].accuracy > 0.9
        assert each.within is not None and each.within.accuracy >= each.top[0].accuracy
        assert each.within.ranks[-1].accuracy == pytest.approx(each.within.accuracy)
        assert [rank.images for rank in each.within.ranks] == [rank.images for rank in each.ranks]
    assert part(centroid, "seen_taxa").top[0].accuracy > 0.8
    species, genera = part(centroid, "unseen_species"), part(centroid, "unseen_genera")
    assert species.top[0].accuracy == genera.top[0].accuracy == 0.0
    assert species.ranks[5].accuracy is not None and species.ranks[5].accuracy > 0.7
    assert genera.ranks[5].accuracy == 0.0
    assert genera.ranks[4].accuracy is not None and genera.ranks[4].accuracy > 0.7
    heights = [species.severity.over_mistakes or 0, genera.severity.over_mistakes or 0, genera.severity.chance or 0]
    assert 1 <= heights[0] < heights[1] < heights[2]


def test_every_other_measure_finds_what_was_planted(done: Evaluated) -> None:
    facts = done.evaluation
    assert [(each.part, [shot.k for shot in each.few_shot]) for each in facts.few_shot] == [
        ("all", [1, 5]),
        ("unseen_species", [1, 5]),
        ("unseen_genera", [1, 5]),
    ]
    assert all(shot.accuracy > 5 * shot.chance for each in facts.few_shot for shot in each.few_shot)
    assert facts.linear_probe is not None and facts.linear_probe.accuracy > 0.8
    assert facts.linear_probe.images == 96
    genus, species = facts.prototypes[5], facts.prototypes[6]
    assert (genus.images, genus.without_prototype) == (192, 144)
    assert (species.images, species.without_prototype) == (96, 240)
    assert genus.accuracy is not None and genus.accuracy > 0.8
    assert facts.retrieval is not None and facts.retrieval.mean_average_precision > 0.5
    assert facts.calibration is not None and facts.calibration.expected_error < 0.15
    assert {each.against: each.p for each in facts.alignment} == {"tree": 1 / 40, "traits": 1 / 40}
    ratios = [each.ratio / each.null for each in facts.spread]
    assert len(ratios) == 4 and min(ratios) > 1  # order to species; one kingdom, phylum and class
    (sex,) = facts.variants
    assert (sex.column, sex.a, sex.b) == ("sex", "Female", "Male")
    assert sex.measures.species == 36
    assert sex.measures.difference_p == 1 / 40
    assert sex.measures.rho is not None and sex.measures.rho < 0.6
    assert facts.diagnostics is not None and facts.diagnostics.judged == 432
    assert facts.diagnostics.likely_mislabels < 20
    assert {each.column for each in facts.slices} == {"source", "license_family", "license_id", "image_category"}
    for column in ("source", "image_category"):
        assert sum(each.images for each in facts.slices if each.column == column) == facts.evaluated


def test_controls_are_at_chance(done: Evaluated) -> None:
    controls = {each.name: each for each in done.evaluation.controls}
    assert set(controls) == {"shuffled_texts", "shuffled_labels", "untrained"}
    for each in controls.values():
        assert each.accuracy < each.chance + 0.05


def test_a_shuffled_label_or_text_takes_all_accuracy_away(drawn: Drawn) -> None:
    """So that the accuracies above cannot come from anything but the labels."""
    wrong = np.random.default_rng(1).permutation(drawn.pictures.labels)
    pictures = dataclasses.replace(drawn.pictures, labels=wrong)
    found = evaluate(pictures, drawn.images, text_vectors(np.arange(36), drawn.texts), rules=RULES).evaluation
    zero_shot, centroid = found.classifications
    assert part(zero_shot, "all").top[0].accuracy < 0.1
    assert part(centroid, "all").top[0].accuracy < 0.1
    assert found.few_shot[0].few_shot[1].accuracy < 0.1
    assert found.linear_probe is not None and found.linear_probe.accuracy < 0.2
    assert found.retrieval is not None
    assert found.retrieval.mean_average_precision < found.retrieval.chance + 0.05
    assert found.diagnostics is not None and found.diagnostics.nearer_to_wrong > 350


def test_the_document_is_the_same_bytes_each_time(drawn: Drawn, done: Evaluated) -> None:
    again = draw()
    random = np.random.default_rng(9)
    traits = Traits(np.arange(36), again.texts[:, :5] + 0.1 * random.standard_normal((36, 5)), tuple("abcde"))
    untrained = random.standard_normal(again.images.shape)
    found = evaluate(again.pictures, again.images, text_vectors(np.arange(36), again.texts), traits, untrained, RULES)
    assert found.evaluation.text() == done.evaluation.text()
    assert found.confusion == done.confusion
    assert found.diagnostics is not None and done.diagnostics is not None
    assert score_table(again.pictures, found.diagnostics).equals(score_table(drawn.pictures, done.diagnostics))
    other = evaluate(again.pictures, again.images, rules=dataclasses.replace(RULES, seed=1)).evaluation
    assert other.retrieval == done.evaluation.retrieval  # all queries are asked
    assert other.variants != done.evaluation.variants


def test_the_document_is_json_with_sorted_keys_and_few_digits(done: Evaluated) -> None:
    text = done.evaluation.text()
    document = json.loads(text)
    assert text == json.dumps(document, indent=1, sort_keys=True) + "\n"
    assert (document["document"], document["version"]) == ("evaluation", 1)
    assert rounded(0.1234567891) == 0.123457
    assert rounded(1234567.891) == 1234570.0
    assert rounded(1.23456789e-9) == 1.23457e-09
    with pytest.raises(TypeError):
        rounded({"a": 1})


def test_without_texts_and_without_training_what_is_left_is_measured_and_said(drawn: Drawn) -> None:
    found = evaluate(drawn.pictures, drawn.images, rules=dataclasses.replace(RULES, train="nothing"))
    facts = found.evaluation
    assert facts.classifications == () and facts.linear_probe is None and facts.prototypes == ()
    assert facts.calibration is None and found.confusion == () and facts.slices == ()
    assert facts.evaluated == 432 and facts.few_shot and facts.retrieval and facts.diagnostics
    notes = " ".join(facts.notes)
    assert "no picture is in the split 'nothing'" in notes
    assert "zero-shot is left out" in notes
    assert "confusion" in notes
    assert "variants by life_stage is left out" in notes


def test_where_all_pictures_teach_all_are_judged(drawn: Drawn) -> None:
    pictures = dataclasses.replace(drawn.pictures, columns={"split": ("train",) * 432})
    facts = evaluate(pictures, drawn.images, rules=RULES).evaluation
    assert (facts.trained, facts.evaluated) == (0, 432)
    assert "all pictures are in the split 'train'" in facts.notes[0]


def test_what_cannot_be_measured_is_refused(drawn: Drawn) -> None:
    bad = drawn.images.copy()
    bad[17, 3] = np.nan
    with pytest.raises(EvaluationError, match="finite"):
        evaluate(drawn.pictures, bad)
    with pytest.raises(EvaluationError, match="432 pictures and 431 embeddings"):
        evaluate(drawn.pictures, drawn.images[:-1])
    with pytest.raises(EvaluationError, match="48 and 20 dimensions"):
        evaluate(drawn.pictures, drawn.images, text_vectors(np.arange(36), drawn.texts[:, :20]))
    with pytest.raises(EvaluationError, match="the rules are"):
        evaluate(drawn.pictures, drawn.images, rules=EvaluationRules(ks=()))
    with pytest.raises(EvaluationError, match="untrained model has 5"):
        evaluate(drawn.pictures, drawn.images, untrained=drawn.images[:5], rules=RULES)


def test_one_class_and_one_picture_are_measured_as_far_as_they_can_be(drawn: Drawn) -> None:
    for rows in (np.flatnonzero(drawn.pictures.labels == 3), np.array([0]), np.array([0, 200])):
        pictures = drawn.pictures.take(rows)
        found = evaluate(pictures, drawn.images[rows], text_vectors(np.arange(36), drawn.texts), rules=RULES)
        assert found.evaluation.images == len(rows)
        json.loads(found.evaluation.text())
        assert list(evaluation_lines(pictures, found))


def test_scores_are_read_by_the_reader_of_scores(drawn: Drawn, done: Evaluated, tmp_path: Path) -> None:
    written = write_evaluation(tmp_path, drawn.pictures, done)
    assert written == ["confusion.parquet", "taxa.parquet", "scores.parquet", "evaluation.json"]
    read = read_scores(ScoresSpec(name="embedding", path=str(tmp_path / "scores.parquet"), key="record_id"))
    assert dict(read.columns) == {
        "outlier": "BOOLEAN",
        "outlier_z": "DOUBLE",
        "likely_mislabel": "BOOLEAN",
        "suggested_id": "VARCHAR",
        "margin": "DOUBLE",
        "distance": "DOUBLE",
        "nearest_id": "VARCHAR",
        "nearest_distance": "DOUBLE",
    }
    rows = {row["key"]: row for row in read.rows.to_pylist()}
    assert set(rows) == set(drawn.pictures.record_ids)
    diagnostics = done.diagnostics
    assert diagnostics is not None
    for place in (0, 100, 431):
        row = rows[drawn.pictures.record_ids[place]]
        assert row["distance"] == pytest.approx(diagnostics.distance[place], rel=1e-5)
        assert row["nearest_id"] == drawn.pictures.classes[diagnostics.nearest[place]]
        assert row["likely_mislabel"] == bool(diagnostics.mislabelled[place])


def test_tables_agree_with_the_document(drawn: Drawn, done: Evaluated, tmp_path: Path) -> None:
    write_evaluation(tmp_path, drawn.pictures, done)
    top = part(done.evaluation.classifications[0], "all").top[0].accuracy
    taxa = pq.read_table(tmp_path / "taxa.parquet")
    assert sum(taxa["right"].to_pylist()) / sum(taxa["images"].to_pylist()) == pytest.approx(top)
    assert taxa["accuracy"].to_pylist() == sorted(taxa["accuracy"].to_pylist())
    confusion = pq.read_table(tmp_path / "confusion.parquet").to_pylist()
    assert sum(row["images"] for row in confusion) == round((1 - top) * done.evaluation.evaluated)
    labels = dict(zip(drawn.pictures.keys, drawn.pictures.labels.tolist(), strict=True))
    for row in confusion:
        assert {drawn.pictures.classes[labels[key]] for key in row["keys"]} == {row["accepted_id"]}
        assert len(row["keys"]) == min(5, row["images"])
        assert row["accepted_id"] != row["predicted_id"]


def test_what_an_earlier_evaluation_wrote_does_not_stay_beside_another(
    drawn: Drawn, done: Evaluated, tmp_path: Path
) -> None:
    write_evaluation(tmp_path, drawn.pictures, done)
    without = dataclasses.replace(drawn.pictures, record_ids=())
    assert "scores.parquet" not in write_evaluation(tmp_path, without, done)
    assert not (tmp_path / "scores.parquet").exists()


def test_planted_mislabels_are_in_the_scores(drawn: Drawn) -> None:
    random = np.random.default_rng(3)
    rows = np.sort(random.choice(432, 20, replace=False))
    labels = drawn.pictures.labels.copy()
    labels[rows] = (labels[rows] + 9 + random.integers(0, 18, 20)) % 36  # another family
    pictures = dataclasses.replace(drawn.pictures, labels=labels)
    found = evaluate(pictures, drawn.images, rules=RULES)
    assert found.diagnostics is not None
    table = score_table(pictures, found.diagnostics).to_pylist()
    called = [place for place, row in enumerate(table) if row["likely_mislabel"]]
    hits = set(called) & set(rows.tolist())
    assert len(hits) >= 18 and len(hits) / len(called) >= 0.8
    true = drawn.pictures.labels
    assert sum(table[place]["suggested_id"] == pictures.classes[true[place]] for place in hits) >= 17


def test_records_without_ids_of_their_own_have_no_scores(drawn: Drawn, done: Evaluated) -> None:
    assert done.diagnostics is not None
    for ids in (("x",) * 432, ("",) * 432, ()):
        with pytest.raises(EvaluationError, match="ids of records"):
            score_table(dataclasses.replace(drawn.pictures, record_ids=ids), done.diagnostics)


def test_the_lines_say_figures_chance_and_what_is_left_out(drawn: Drawn, done: Evaluated) -> None:
    text = "\n".join(evaluation_lines(drawn.pictures, done))
    for words in (
        "zero shot, among 36 taxa",
        "unseen_genera",
        "few-shot, k = 5, all",
        "linear probe",
        "retrieval, mAP",
    ):
        assert words in text
    for words in ("prototypes, genus", "calibration: error", "rho, sex, Female and Male", "alignment with traits"):
        assert words in text
    for words in ("shuffled_texts", "untrained", "likely mislabels", "slice by", "note: variants by life_stage"):
        assert words in text


def test_pictures_of_one_group_do_not_vouch_for_each_other(drawn: Drawn) -> None:
    columns = {
        **drawn.pictures.columns,
        "group_id": tuple(f"g{place // 2}" if place < 20 else None for place in range(432)),
    }
    pictures = dataclasses.replace(drawn.pictures, columns=columns)
    groups = pictures.groups()
    assert len(np.unique(groups)) == 422
    assert all(groups[2 * pair] == groups[2 * pair + 1] for pair in range(10))
    copies = np.random.default_rng(0).standard_normal((216, 48))[np.arange(432) // 2]
    of_pairs = tuple(f"g{place // 2}" for place in range(432))
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(36), 6))[np.arange(432) // 2]
    twins = dataclasses.replace(pictures, labels=labels, columns={"group_id": of_pairs})
    found = evaluate(twins, copies, rules=RULES).evaluation
    assert found.retrieval is not None and found.retrieval.recall[0].recall < 0.15
    assert found.few_shot[0].few_shot[0].accuracy < 0.15
    assert found.spread[-1].p > 0.025
    blind = evaluate(dataclasses.replace(twins, columns={}), copies, rules=RULES).evaluation
    assert blind.retrieval is not None and blind.retrieval.recall[0].recall == 1.0


def test_a_class_without_a_text_is_refused(drawn: Drawn) -> None:
    with pytest.raises(EvaluationError, match="1 classes with pictures have no text"):
        evaluate(drawn.pictures, drawn.images, text_vectors(np.arange(35), drawn.texts[:35]))
    bad = dataclasses.replace(drawn.pictures, labels=drawn.pictures.labels + 1)
    with pytest.raises(EvaluationError, match="the number of no class"):
        evaluate(bad, drawn.images)


def test_scores_of_pictures_that_are_not_judged_are_null(drawn: Drawn) -> None:
    rows = np.append(np.flatnonzero(drawn.pictures.labels < 3), np.flatnonzero(drawn.pictures.labels == 5)[0])
    pictures = drawn.pictures.take(np.sort(rows))
    diagnostics = evaluate(pictures, drawn.images[np.sort(rows)], rules=RULES).diagnostics
    assert diagnostics is not None
    table = score_table(pictures, diagnostics).to_pylist()
    for row, label in zip(table, pictures.labels.tolist(), strict=True):
        values = [row[name] for name in row if name not in ("record_id", "suggested_id")]
        assert all(value is None for value in values) if label == 5 else None not in values


def test_embeddings_that_cannot_tell_name_no_label(drawn: Drawn, tmp_path: Path) -> None:
    """A recipe that leaves likely mislabels out would else leave out all that a useless model has seen."""
    noise = np.random.default_rng(8).standard_normal(drawn.images.shape).astype(np.float32)
    found = evaluate(drawn.pictures, noise, rules=RULES)
    assert found.diagnostics is not None and found.evaluation.diagnostics is not None
    assert found.evaluation.diagnostics.estimated_mislabelled > 0.5
    table = score_table(drawn.pictures, found.diagnostics)
    assert table["likely_mislabel"].null_count == table["suggested_id"].null_count == len(table)
    assert table["distance"].null_count == 0
    assert "labels: none is named" in "\n".join(evaluation_lines(drawn.pictures, found))
