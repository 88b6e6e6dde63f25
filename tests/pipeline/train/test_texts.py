"""Texts are functions of the step, words are numbers without a vocabulary, and a journal has each step once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feed import Feed, Rules, View
from pipeline.train import LENGTH, TEXT_TYPES, VOCABULARY, Journal, Texts, word_ids
from pipeline.train.journal import read_journal
from pipeline.train.taxon_lineages import lineages_of


def texts(dataset: Path, **options: object) -> Texts:
    manifest = Feed(dataset, Rules(8), View(size=16)).manifest
    return Texts(manifest, TEXT_TYPES, **options)  # type: ignore[arg-type]


def test_types_are_drawn_alike_and_again(dataset: Path) -> None:
    one, again, other = (texts(dataset, seed=seed) for seed in (3, 3, 4))
    drawn = [one.of_step(step) for step in range(2000)]
    assert drawn == [again.of_step(step) for step in reversed(range(2000))][::-1]
    assert drawn != [other.of_step(step) for step in range(2000)]
    assert all(330 < count < 470 for count in Counter(drawn).values())
    samples = one.of_samples(np.arange(2000))
    assert set(samples.tolist()) == set(range(5))


def test_shuffled_texts_are_those_of_others_each_once(dataset: Path) -> None:
    plain, shuffled = texts(dataset), texts(dataset, shuffled=True, seed=1)
    names = range(len(plain._manifest.names))
    own = [plain.text(name, "taxon") for name in names]
    other = [shuffled.text(name, "taxon") for name in names]
    assert sorted(own) == sorted(other)
    assert own != other


def test_a_template_takes_the_names(dataset: Path) -> None:
    told = {texts(dataset, template="a drawing of {}.").text(name, "sci") for name in range(3)}
    assert all(each.startswith("a drawing of ") and "photo" not in each for each in told)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_tokens_are_rows_of_the_vocabulary(lines: list[str]) -> None:
    found = word_ids(lines)
    assert found.shape == (len(lines), LENGTH)
    assert ((found >= 0) & (found < VOCABULARY)).all()
    # What is filled up is filled up at the end.
    assert all((np.diff((row == 0).astype(int)) >= 0).all() for row in found)


def test_words_of_a_lineage_keep_their_numbers() -> None:
    one, other = word_ids(["a photo of Animalia Felidae Puma concolor.", "a photo of Animalia Felidae Lynx lynx."])
    assert (one[:2] == other[:2]).all()
    assert one[2] != other[2]


def test_lineages_are_those_of_the_taxa(dataset: Path) -> None:
    manifest = Feed(dataset, Rules(8), View(size=16)).manifest
    found = lineages_of(manifest)
    assert [each[-1] for each in found] == list(manifest.taxa)
    assert all(len(each) == 8 for each in found)
    assert {each[5] for each in found} == {"Puma", "Lynx", "Felis", "Panthera", "Ursus"}


def test_a_journal_forgets_what_is_done_again_and_what_was_cut_off(tmp_path: Path) -> None:
    first = Journal(tmp_path, 0)
    for step in range(6):
        first.note(step, loss=float(step))
    first.write()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')
    assert [line["step"] for line in read_journal(tmp_path)] == list(range(6))
    second = Journal(tmp_path, 4)
    second.note(4, loss=9.0)
    second.write()
    assert [(line["step"], line["loss"]) for line in read_journal(tmp_path)] == [
        *((step, float(step)) for step in range(4)),
        (4, 9.0),
    ]
