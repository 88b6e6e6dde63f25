"""Concepts that name a thing: by the last of several words, never by a lone one that a genus may share."""

from __future__ import annotations

import pytest

from pipeline.sources.fathomnet.fathomnet_concepts import non_organism

HEADS = (
    *("bag", "bottle", "bubbles", "can", "cable", "container", "debris", "detritus", "equipment", "experiment"),
    *("gear", "instrument", "litter", "manipulator", "net", "pipe", "plastic", "rope", "rubbish", "sampler"),
    *("sediment", "tire", "trap", "trash", "vehicle", "wire", "wreck"),
)


@pytest.mark.parametrize("head", HEADS)
def test_a_thing_of_some_kind_is_no_organism(head: str) -> None:
    assert non_organism(f"Old {head.title()}") == f"last word: {head}"
    assert non_organism(f"{head} octopus") == ""
