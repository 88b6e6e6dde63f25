"""Epochs divide the endless steps; a state names what it was made with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feed import Feed, Rules, View
from pipeline.model.errors import FeedError


def feed(dataset: Path, **rules: object) -> Feed:
    return Feed(dataset, Rules(**{"batch": 16, **rules}), View(size=16))  # type: ignore[arg-type]


@given(st.data())
def test_epochs_share_no_step_and_leave_none(dataset: Path, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["index", "stream"]))
    source = feed(dataset, batch=data.draw(st.integers(1, 160)), mode=mode, chunk=5, open_shards=2)
    sequence, size = source.sequence, source.sequence.epoch_size
    steps = [step for number in range(7) for step in sequence.epoch(number)]
    assert steps == list(range(len(steps)))
    for number in range(7):
        for step in sequence.epoch(number):
            assert sequence.epoch_of(step) == number
            assert mode == "stream" or number * size <= step * source.rules.batch < (number + 1) * size


def test_a_state_says_what_is_not_the_same(dataset: Path) -> None:
    state = json.loads(json.dumps(feed(dataset).state(7)))
    assert feed(dataset).resume(state) == 7
    assert len(json.dumps(state)) < 1000
    for other, message in (
        (feed(dataset, seed=1), "rules: seed was 0, here it is 1$"),
        (feed(dataset, batch=32, sampler="sqrt"), "rules: batch was 16, here it is 32; rules: sampler was 'uniform'"),
        (feed(dataset, once=True), "rules: once was False, here it is True"),
        (feed(dataset, where="genus = 'Puma'"), "other samples are selected$"),
        (Feed(dataset, Rules(batch=16), View(size=24, crop="center")), "view: crop was 'random'.*; view: size was 16"),
    ):
        with pytest.raises(FeedError) as caught:
            other.resume(state)
        assert re.search(message, caught.value.where), caught.value.where
    for step in (-1, True, "7", None, 7.0):
        with pytest.raises(FeedError, match="the checkpoint's step is"):
            feed(dataset).resume({**state, "step": step})
