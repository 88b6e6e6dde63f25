"""Replay: two losses summed over one trunk, two projections, and a run that goes on bit for bit with both."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from pipeline.feed import Feed, Rules, View
from pipeline.feed.texts import Texts
from pipeline.model.errors import FeedError, RunError, UsageError
from pipeline.storage.places import place
from pipeline.train import Settings
from pipeline.train.fitting import load_model, process_group
from pipeline.train.fitting.batches import Batches, Item, normalised
from pipeline.train.fitting.fit import _line, _Run
from pipeline.train.journal import read_journal
from tests.train.pair_tars import encoded, write_pairs, write_tar
from tests.train.running import command, equal, farthest, python, tensors, torchrun, trained

RATE = 1e-4


@pytest.fixture(scope="module")
def tars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("replay"))


def with_replay(tars: Path, **changes: Any) -> dict[str, Any]:
    return {"replay": str(tars), "replay_batch": 8, **changes}


def state(out: Path, step: int = 12) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "checkpoints" / f"step-{step:08d}.pt", weights_only=True)
    return found


def projection(out: Path, step: int = 12) -> torch.Tensor:
    weight: torch.Tensor = state(out, step)["replay"]["projection"]["weight"]
    return weight


def begun(drawn: Path, tars: Path, out: Path, **changes: Any) -> tuple[_Run, Item]:
    """Return a run before its first step, and the item of that step."""
    settings = Settings.of(with_replay(tars, batch=32, steps=12, warmup=3, **changes))
    with process_group("cpu") as group:
        feed = Feed(drawn, Rules(settings.batch), View(24))
        run = _Run(feed, place(out), settings, group)
        texts = Texts(feed.manifest, settings.text)
        return run, next(Batches(feed, texts, run.model, settings, group, run.pairs).items(0, 1))


def info_nce(images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the loss of CLIP, row by row."""
    total = images.new_zeros(())
    for row in range(len(images)):
        total = total + torch.logsumexp(scale * (texts @ images[row]), 0) - scale * (texts[row] @ images[row])
        total = total + torch.logsumexp(scale * (images @ texts[row]), 0) - scale * (texts[row] @ images[row])
    return total / (2 * len(images))


def by_hand(run: _Run, item: Item) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both losses, the replay's by its own map of the trunk's features, written out for the built-in model."""
    model, scale = run.model, run.model.logit_scale.exp()
    assert item.replay is not None and run.projection is not None
    images = model.image_out(model.image(normalised(item.pixels, model)).mean((2, 3)))
    texts = model.encode_text(item.tokens)[item.string]
    main = info_nce(normalize(images, dim=1), normalize(texts, dim=1), scale)
    trunk = model.image_out[0](model.image(normalised(item.replay.pixels, model)).mean((2, 3)))
    (weight,) = run.projection.parameters()
    replayed = info_nce(
        normalize(trunk @ weight.T, dim=1), normalize(model.encode_text(item.replay.tokens), dim=1), scale
    )
    return main, replayed


@pytest.mark.parametrize("changes", [{}, {"accumulation": 4}, {"checkpointing": True}])
def test_the_gradient_is_that_of_the_sum_of_both_losses(
    drawn: Path, tars: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    run, item = begun(drawn, tars, tmp_path, **changes)
    assert item.replay is not None
    main, replayed = by_hand(run, item)
    expected = torch.autograd.grad(main + replayed, run.parameters)
    found = [run.gradients.contrast(item).item(), run.gradients.replay(item.replay).item()]
    assert found == pytest.approx([main.item(), replayed.item()], abs=1e-6)
    whole = torch.cat([gradient.reshape(-1) for gradient in expected])
    made = torch.cat([parameter.grad.reshape(-1) for parameter in run.parameters])
    assert float((made - whole).norm() / whole.norm()) < 1e-6
    assert float(whole.norm()) > 0.1


def test_the_trunk_learns_of_both_and_each_projection_of_its_own(drawn: Path, tars: Path, tmp_path: Path) -> None:
    run, item = begun(drawn, tars, tmp_path)
    assert item.replay is not None and run.projection is not None
    own: Any = next(run.projection.parameters())
    main = run.model.image_out[1].weight
    assert torch.equal(own, main) and own.data_ptr() != main.data_ptr()
    trunk, words = run.model.image[0].weight, run.model.text_out[1].weight
    run.gradients.contrast(item)
    assert [each.grad is None or not each.grad.any() for each in (own, main, trunk, words)] == [True, *[False] * 3]
    before = [each.grad.clone() for each in (main, trunk, words)]
    run.gradients.replay(item.replay)
    assert torch.equal(main.grad, before[0]) and float(own.grad.abs().sum()) > 0
    assert not torch.equal(trunk.grad, before[1]) and not torch.equal(words.grad, before[2])


def test_the_projections_are_one_at_the_start_and_two_after(drawn: Path, tars: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, until=1, **with_replay(tars))
    first = projection(tmp_path, 1)
    trained(drawn, tmp_path, **with_replay(tars))
    main = state(tmp_path)["state_dict"]["image_out.1.weight"]
    assert first.shape == main.shape and not torch.equal(projection(tmp_path), main)
    lines = read_journal(tmp_path)
    assert [line["step"] for line in lines] == list(range(12)) and all(line["replay_loss"] > 0 for line in lines)


KINDS: list[dict[str, Any]] = [{"accumulation": 2, "checkpointing": True}, {"precision": "bf16"}, {"mix": "sample"}]


@pytest.mark.parametrize("changes", KINDS, ids=["in parts", "bf16", "a text a sample"])
def test_six_and_six_steps_are_twelve_bit_for_bit(
    drawn: Path, tars: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    told = with_replay(tars, text=["sci", "taxon"], batch=16, **changes)
    trained(drawn, tmp_path / "whole", **told)
    trained(drawn, tmp_path / "parts", until=6, **told)
    trained(drawn, tmp_path / "parts", workers=1, **told)
    assert equal(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))
    assert torch.equal(projection(tmp_path / "whole"), projection(tmp_path / "parts"))
    losses = [[line["replay_loss"] for line in read_journal(tmp_path / each)] for each in ("whole", "parts")]
    assert losses[0] == losses[1] and len(set(losses[0])) == 12


def test_twenty_and_twenty_steps_are_forty(drawn: Path, tars: Path, tmp_path: Path) -> None:
    told = with_replay(tars, replay_batch=4, batch=8, steps=40)
    trained(drawn, tmp_path / "whole", **told)
    trained(drawn, tmp_path / "parts", until=20, **told)
    said = python(command(drawn, tmp_path / "parts", workers=1, **told)).stderr
    assert equal(tensors(tmp_path / "whole", 40), tensors(tmp_path / "parts", 40))
    assert torch.equal(projection(tmp_path / "whole", 40), projection(tmp_path / "parts", 40))
    assert "replay of 72 pairs in 3 tars, 4 beside every 8 (0.500 to 1)" in said
    line = read_journal(tmp_path / "parts")[25]
    assert f", replay {line['replay_loss']:.4f}" in _line(25, 40, line)


def test_one_and_two_processes_end_at_the_same_weights(drawn: Path, tars: Path, tmp_path: Path) -> None:
    told = with_replay(tars, batch=24, rate=RATE)
    trained(drawn, tmp_path / "one", **told)
    torchrun(2, *command(drawn, tmp_path / "two", **told))
    assert farthest(tensors(tmp_path / "one"), tensors(tmp_path / "two")) < 1e-6
    assert float((projection(tmp_path / "one") - projection(tmp_path / "two")).abs().max()) < 1e-6
    losses = [[line["replay_loss"] for line in read_journal(tmp_path / each)] for each in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


@pytest.mark.parametrize("half", [{"replay_batch": 0}, {"replay": ""}])
def test_without_replay_there_is_nothing_more(drawn: Path, tars: Path, tmp_path: Path, half: dict[str, Any]) -> None:
    trained(drawn, tmp_path / "plain")
    trained(drawn, tmp_path / "half", **with_replay(tars, **half))
    trained(drawn, tmp_path / "replay", **with_replay(tars))
    assert equal(tensors(tmp_path / "plain"), tensors(tmp_path / "half"))
    assert not equal(tensors(tmp_path / "plain"), tensors(tmp_path / "replay"))
    assert state(tmp_path / "half")["replay"] == {}
    told = state(tmp_path / "replay")
    assert told["state_dict"].keys() == state(tmp_path / "plain")["state_dict"].keys(), "the model has its own names"
    slots = [len(each["optimizer"]["state"]) for each in (told, state(tmp_path / "half"))]
    assert slots[0] == slots[1] + 1
    assert load_model(place(tmp_path / "replay")).settings.replay_batch == 8


def test_shards_of_a_run_may_be_replayed(drawn: Path, tmp_path: Path) -> None:
    trained(drawn, tmp_path, replay=str(drawn), replay_batch=8)
    assert projection(tmp_path).isfinite().all()


def test_changed_replay_data_are_refused_by_name(drawn: Path, tars: Path, tmp_path: Path) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    trained(drawn, out, until=4, **with_replay(tars))
    shutil.copytree(tars, moved)
    trained(drawn, out, until=5, **with_replay(moved))
    for told, said in (
        (with_replay(write_pairs(tmp_path / "other", {"000010003.jpg": encoded(99)})), "other replay data"),
        ({"replay_batch": 8}, "made with a replay, and none is named"),
    ):
        with pytest.raises(FeedError, match=said) as caught:
            trained(drawn, out, **told)
        assert "step-00000005.pt" in caught.value.where and caught.value.remedy
    with pytest.raises(RunError, match="replay_batch: 8, here 4"):
        trained(drawn, out, **with_replay(tars, replay_batch=4))
    plain = tmp_path / "plain"
    trained(drawn, plain, until=4, replay_batch=8)
    with pytest.raises(FeedError, match="made without a replay, and one is named"):
        trained(drawn, plain, **with_replay(tars))


def test_bad_replay_is_said_before_a_step_is_done(drawn: Path, tars: Path, tmp_path: Path) -> None:
    write_tar(tmp_path / "none" / "x.tar", [(f"k{at}.jpg", encoded(at)) for at in range(12)])
    found = python(command(drawn, tmp_path / "out", **with_replay(tmp_path / "none")), status=1).stderr
    assert "no pair of image and caption" in found and "Traceback" not in found
    with pytest.raises(FeedError, match="holds no tar"):
        trained(drawn, tmp_path / "out", **with_replay(tmp_path / "nowhere"))
    broken = write_pairs(
        tmp_path / "broken", {f"0000{shard}{at:04d}.jpg": b"?" for shard in range(3) for at in range(24)}
    )
    for workers in (0, 1):
        with pytest.raises(FeedError, match="cannot be decoded") as caught:
            trained(drawn, tmp_path / "out", workers=workers, **with_replay(broken))
        assert ".tar, byte" in caught.value.where and "Traceback" not in str(caught.value)
    with pytest.raises(RunError, match="a replay_batch of 9 cannot be cut for 1 processes of 2 parts"):
        trained(drawn, tmp_path / "out", **with_replay(tars, replay_batch=9, accumulation=2))
    with pytest.raises(UsageError, match="a classifier replays no texts"):
        trained(drawn, tmp_path / "out", **with_replay(tars, objective="classify"))


def test_a_replay_that_is_no_number_stops_the_run_with_its_keys(drawn: Path, tars: Path, tmp_path: Path) -> None:
    run, item = begun(drawn, tars, tmp_path)
    assert item.replay is not None and run.projection is not None
    with torch.no_grad():
        next(run.projection.parameters()).fill_(math.nan)
    before = {name: weight.clone() for name, weight in run.model.state_dict().items()}
    with pytest.raises(RunError, match="nothing was changed"):
        run._step(item)
    assert all(torch.equal(weight, before[name]) for name, weight in run.model.state_dict().items())
    (told,) = tmp_path.glob("refused-step-*.json")
    assert all(key in told.read_text() for key in (*item.keys, *item.replay.keys))
