"""The loader is what people expect of one: it stands somewhere, can be put there again, and gives exactly the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.feed import Feed, Rules, Tokens, View
from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.texts import Texts
from pipeline.feed.torch import Loader, loader
from pipeline.model.errors import FeedError
from tests.train.running import torchrun

KINDS: list[dict[str, Any]] = [{}, {"mode": "stream", "chunk": 8, "open_shards": 2}, {"once": True}]
NAMES = ["index", "stream", "once"]


def made(drawn: Path, workers: int = 0, start: int = 0, stop: int | None = None, **changes: Any) -> Loader:
    known = {"rank", "world", "label", "tokens", "multiprocessing_context", "persistent_workers", "prefetch_factor"}
    options = {name: changes.pop(name) for name in known & set(changes)}
    rules = Rules(**{"batch": 60, "seed": 3, **changes})
    return loader(Feed(drawn, rules, View(size=16)), start, stop, workers, **options)


def told(items: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return all that items hold, as values that can be compared."""
    return [
        tuple(value.numpy().tobytes() if isinstance(value, torch.Tensor) else value for value in item.values())
        for item in items
    ]


def lengths(lines: list[str]) -> Any:
    return np.array([[len(line), *line.encode()[7:27].ljust(20)] for line in lines])


def steps(items: Iterable[Any]) -> list[int]:
    return [int(item["step"]) for item in items]


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@pytest.mark.parametrize(("workers", "again"), [(0, 2), (1, 0), (2, 1)])
def test_the_rest_comes_bit_for_bit_whatever_workers_had_read_ahead(
    drawn: Path, kind: dict[str, Any], workers: int, again: int
) -> None:
    tokens = Tokens(lengths, TEXT_TYPES, "sample")
    whole = made(drawn, label="genus", tokens=tokens, **kind)
    expected = [told(whole), told(whole)]
    assert expected[0] != expected[1] or "once" in kind
    for taken in (0, 1, 3):
        first = made(drawn, workers, label="genus", tokens=tokens, **kind)
        iterator = iter(first)
        begun = told(islice(iterator, taken))
        state = json.loads(json.dumps(first.state_dict()))
        assert len(json.dumps(state)) < 1200
        del iterator
        second = made(drawn, again, label="genus", tokens=tokens, **kind)
        second.load_state_dict(state)
        assert len(second) == len(expected[0])
        assert begun + told(second) == expected[0]
        assert told(second) == expected[1], "then comes the next epoch"


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_every_epoch_holds_the_samples_that_are_its_own(drawn: Path, kind: dict[str, Any]) -> None:
    source = made(drawn, batch=50, **kind)
    size, found = len(source.feed), []
    for _ in range(3):
        announced = len(source)
        items = [item["key"] for item in source]
        assert len(items) == announced
        found.append([key for keys in items for key in keys])
    if "once" in kind:
        assert [sorted(keys) for keys in found] == [sorted(source.feed.manifest.keys_of(np.arange(size)))] * 3
        assert len(items[-1]) == size % 50
    elif "mode" in kind:
        assert all(len(set(keys)) == len(keys) == size - size % 50 for keys in found)
    else:
        flat = [key for keys in found for key in keys]
        assert len(set(flat[:size])) == len(set(flat[size : 2 * size])) == size, "an epoch's last batch is filled up"


@pytest.mark.parametrize("workers", [0, 1])
def test_set_epoch_begins_that_epoch_and_keeps_where_a_state_stands_in_it(drawn: Path, workers: int) -> None:
    source = made(drawn, workers, batch=50)
    epochs = {number: source.feed.sequence.epoch(number) for number in range(5)}
    for number in (3, 0, 0, 2):
        source.set_epoch(number)
        assert steps(source) == list(epochs[number])
    assert steps(source) == list(epochs[3]), "without it the next one comes"
    state = source.feed.state(epochs[1].start + 2)
    source.load_state_dict(state)
    source.set_epoch(1)
    source.set_epoch(1)
    assert steps(source) == list(epochs[1])[2:]
    source.load_state_dict(state)
    source.set_epoch(2)
    assert steps(source) == list(epochs[2])
    later = made(drawn, start=epochs[1].start + 2, batch=50)
    later.set_epoch(1)
    assert steps(later) == list(epochs[1])[2:]
    source.sampler.set_epoch(4)  # as trainers do that look for a distributed sampler
    assert steps(source) == list(epochs[4])


def test_set_epoch_and_states_where_every_sample_comes_once(drawn: Path) -> None:
    source = made(drawn, once=True, batch=50)
    every = told(source)
    source.set_epoch(7)
    iterator = iter(source)
    next(iterator)
    state = source.state_dict()
    assert (state["epoch"], state["step"]) == (7, 1)
    source.load_state_dict(state)
    source.set_epoch(7)
    assert told(source) == every[1:]
    assert source.state_dict()["epoch"] == 8
    assert told(source) == every


def test_an_iteration_that_is_broken_off_is_over(drawn: Path) -> None:
    source = made(drawn, batch=50)
    for item in source:
        if item["step"] == 2:
            break
    assert (source.state_dict()["step"], source.state_dict()["epoch"]) == (3, 0)
    assert steps(source) == list(source.feed.sequence.epoch(1))
    source.set_epoch(0)
    assert steps(islice(source, 2)) == [0, 1]
    source.set_epoch(0)
    assert steps(source) == list(source.feed.sequence.epoch(0))


def test_a_state_behind_the_last_batch_has_no_rest_until_the_epoch_is_over(drawn: Path) -> None:
    source = made(drawn)
    inside = None
    for _ in source:
        inside = source.state_dict()
    after = source.state_dict()
    assert inside is not None and (inside["epoch"], after["epoch"]) == (0, 1)
    assert inside["step"] == after["step"] == len(source.feed.sequence.epoch(0))
    for state, expected in ((inside, []), (after, list(source.feed.sequence.epoch(1)))):
        again = made(drawn)
        again.load_state_dict(state)
        assert steps(again) == expected


def test_an_older_iteration_does_not_move_the_loader(drawn: Path) -> None:
    source = made(drawn)
    old = iter(source)
    next(old)
    source.set_epoch(2)
    next(old)
    assert source.state_dict()["step"] == source.feed.sequence.epoch(2).start
    source.load_state_dict(source.feed.state(1))
    next(old)
    assert source.state_dict()["step"] == 1
    assert steps(source) == list(source.feed.sequence.epoch(0))[1:]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_range_of_steps_comes_again_and_can_be_resumed(drawn: Path, workers: int) -> None:
    source = made(drawn, workers, 2, 9)
    assert (len(source), len(source.dataset)) == (7, 9)
    assert steps(source) == steps(source) == list(range(2, 9))
    assert source.state_dict()["step"] == 9
    source.load_state_dict(source.feed.state(5))
    assert (len(source), steps(source), steps(source)) == (7, list(range(5, 9)), list(range(2, 9)))
    with pytest.raises(FeedError, match="no epochs"):
        source.set_epoch(1)
    assert not hasattr(source.sampler, "set_epoch")
    for step in (1, 10):
        with pytest.raises(FeedError, match=f"stands at step {step}"):
            source.load_state_dict(source.feed.state(step))


def test_workers_that_stay_read_every_epoch(drawn: Path) -> None:
    plain, kept = made(drawn), made(drawn, 2, persistent_workers=True)
    for _ in range(2):
        assert told(kept) == told(plain)
    kept.load_state_dict(kept.feed.state(2))
    plain.load_state_dict(plain.feed.state(2))
    assert told(kept) == told(plain)


def test_spawned_workers_read_the_same_with_tokens_of_a_function_that_cannot_be_pickled(drawn: Path) -> None:
    tokens = Tokens(lambda text: [len(text), *text.encode()[:9]], ("sci", "taxon"), length=10)
    plain = told(made(drawn, 0, 0, 2, tokens=tokens, label="taxon"))
    assert told(made(drawn, 1, 0, 2, tokens=tokens, label="taxon", multiprocessing_context="spawn")) == plain


@pytest.mark.parametrize("mix", ["batch", "sample"])
def test_tokens_and_labels_are_those_of_each_sample(drawn: Path, mix: str) -> None:
    source = made(drawn, 1, 0, 12, label="genus", tokens=Tokens(lengths, TEXT_TYPES, mix, "seen: {}"), world=2, rank=1)
    manifest = source.feed.manifest
    texts = Texts(manifest, TEXT_TYPES, 3, "seen: {}")
    seen = set()
    for item in source:
        kinds = item["text_type"].tolist()
        seen.add(tuple(sorted(set(kinds))))
        if mix == "batch":
            assert set(kinds) == {texts.of_step(item["step"])}
        strings = [texts.text(name, TEXT_TYPES[kind]) for name, kind in zip(item["name"].tolist(), kinds, strict=True)]
        assert item["tokens"].tolist() == lengths(strings).tolist()
        genera = manifest.names.column("genus").take(item["name"].numpy()).to_pylist()
        assert source.labels is not None
        assert [source.labels.names[number] for number in item["label"].tolist()] == genera
    assert len(seen) > 1 if mix == "batch" else (0, 1, 2, 3, 4) in seen


def test_ranks_have_their_slices_of_texts_drawn_by_sample(drawn: Path) -> None:
    tokens = Tokens(lengths, TEXT_TYPES, "sample")
    whole = list(made(drawn, 0, 0, 3, tokens=tokens))
    parts = [list(made(drawn, 0, 0, 3, tokens=tokens, rank=rank, world=2)) for rank in (0, 1)]
    for one, left, right in zip(whole, *parts, strict=True):
        for name in ("tokens", "text_type", "image"):
            assert torch.equal(one[name], torch.cat([left[name], right[name]]))


def test_a_state_of_others_is_refused_by_name(drawn: Path) -> None:
    state = made(drawn, tokens=Tokens(lengths)).state_dict()
    with pytest.raises(FeedError, match="seed was 3, here it is 4"):
        made(drawn, seed=4).load_state_dict(state)
    with pytest.raises(FeedError, match="made with other texts"):
        made(drawn, tokens=Tokens(lengths, ("sci",))).load_state_dict(state)
    with pytest.raises(FeedError, match="epoch is 'first'"):
        made(drawn).load_state_dict({**state, "epoch": "first"})
    with pytest.raises(FeedError, match="stands at step 0"):
        made(drawn).load_state_dict({**state, "epoch": 1})
    source = made(drawn, workers=2, world=2)
    for wrong in (None, "state", [1]):
        with pytest.raises(FeedError, match="the state is"):
            source.load_state_dict(wrong)  # type: ignore[arg-type]
    for epoch in (-1, 1.5, "1", None):
        with pytest.raises(FeedError, match="there is no epoch"):
            source.set_epoch(epoch)  # type: ignore[arg-type]
    assert source.state_dict()["step"] == 0, "what is refused changes nothing"
    source.load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True}, "shuffle is given"),
        ({"batch_size": 4}, "batch_size is given"),
        ({"in_order": False}, "in_order is given"),
        ({"world": 7}, "7 ranks"),
        ({"rank": 2, "world": 2}, "rank 2 of 2"),
        ({"start": -1}, "no step -1"),
        ({"label": "genre"}, "no rank 'genre'"),
        ({"label": 3}, "label is 3"),
        ({"label": None}, "label is None"),
        ({"tokens": 3}, "tokens are 3"),
        ({"beside": 3}, "beside is 3"),
        ({"num_workers": 1}, r"use workers=N"),
        ({"workers": "2"}, "workers is '2'"),
        ({"workers": -1}, "workers is -1"),
        ({"start": 0.5}, "start is 0.5"),
        ({"start": 4, "stop": 2}, "end at 2, before they begin at 4"),
        ({"world": 0}, "rank 0 of 0"),
        ({"tokens": Tokens(str)}, "makes no tokens"),
    ],
)
def test_what_cannot_be_read_is_refused(drawn: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(FeedError, match=message):
        loader(Feed(drawn, Rules(60), View(size=16)), **options)
    with pytest.raises(FeedError, match="an epoch has"):
        made(drawn, batch=4096)
    with pytest.raises(FeedError, match="takes 768,000,000,000,000 bytes"):
        made(drawn, batch=10**12)
    with pytest.raises(FeedError, match="the loader's feed is"):
        loader(drawn)  # type: ignore[arg-type]
    assert not list(made(drawn, start=2, stop=2)), "no step is a range too"


def test_ranks_of_a_process_group_resume_alike_and_in_another_number(drawn: Path, tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("loader_ranks.py"))
    whole = made(drawn, label="species", batch=64)
    expected = [list(item["key"]) for item in whole]
    for world in (2, 1):  # one process reads the rest of what two began
        torchrun(world, script, str(drawn), str(tmp_path), str(4))
    found = json.loads((tmp_path / "keys.json").read_text())
    assert found == expected
    assert len(found) == 6, "four batches, and the rest of the epoch"


def test_workers_that_stay_give_nothing_of_an_iteration_that_was_broken_off(drawn: Path) -> None:
    source, plain = made(drawn, 2, persistent_workers=True), made(drawn)
    for turn in range(3):
        source.set_epoch(turn)
        plain.set_epoch(turn)
        assert told(islice(source, 2)) == told(islice(plain, 2))
    source.set_epoch(1)
    plain.set_epoch(1)
    assert told(source) == told(plain)
