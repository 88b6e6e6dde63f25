"""Sentences of one's own around the names of classes: the captions of zero-shot with templates."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluate.labelled import Labelled
from pipeline.feed.texts import in_template
from pipeline.model.errors import EvaluationError
from pipeline.shards import captions


def template_captions(
    pictures: Labelled, text: str, templates: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of classes and their captions, a row for each class and template; equal captions come once.

    `text`: the text type whose names are put in the place of `{}`. Raises EvaluationError for a template without it.
    """
    wrong = next((each for each in templates if each.count("{}") != 1), None)
    if wrong is not None:
        raise EvaluationError(
            f"the template is {wrong!r}", expected="a sentence with {} once, such as 'a drawing of {}.'"
        )
    ids: list[str] = []
    found: list[str] = []
    for number, taxon in enumerate(pictures.classes):
        each = captions(pictures.ranks[number], pictures.vernaculars[number] or None)
        told = dict.fromkeys(in_template(getattr(each, text), template) for template in templates)
        ids += [taxon] * len(told)
        found += told
    return tuple(ids), tuple(found)
