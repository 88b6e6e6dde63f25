"""Sentences around the names of classes, as a model's text encoder reads them."""

from __future__ import annotations

import pytest

from pipeline.evaluate.templates import template_captions
from pipeline.model.errors import EvaluationError
from tests.pipeline.evaluate.conftest import Drawn


def test_every_class_has_a_row_for_each_sentence(drawn: Drawn) -> None:
    ids, captions = template_captions(drawn.pictures, "sci", ("a drawing of {}.", "{}, pressed"))
    assert len(ids) == len(captions) == 2 * 36
    assert captions[:2] == ("a drawing of Genusa primus.", "Genusa primus, pressed")
    assert ids[:3] == ("t00", "t00", "t01")


def test_names_are_those_of_the_text_type_and_equal_sentences_come_once(drawn: Drawn) -> None:
    _, captions = template_captions(drawn.pictures, "taxon_com", ("{}!", "{}!"))
    assert len(captions) == 36
    assert captions[1] == ("Animalia Chordata Aves Paridiformes Familya Genusa secundus with common name bird 1!")


@pytest.mark.parametrize("wrong", ["a photo", "{} and {}"])
def test_a_sentence_without_a_place_for_the_names_is_refused(drawn: Drawn, wrong: str) -> None:
    with pytest.raises(EvaluationError, match="the template is"):
        template_captions(drawn.pictures, "sci", ("{}", wrong))
