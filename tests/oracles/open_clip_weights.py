"""Weights from `biomill train` to open_clip and back: `open_clip_weights.py SHARDS FOLDER`, where both are."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import open_clip
import torch

from pipeline.feed import Feed, Rules, View
from pipeline.model.errors import UsageError
from pipeline.storage.places import place
from pipeline.train import Settings
from pipeline.train.fitting import fit, load_model, process_group
from pipeline.train.networks import ReplayProjection, build
from tests.train.pair_tars import write_pairs

NAME, OTHER = "biomill-test-tiny", "biomill-test-other"
RESNET, TIMM, BARE = "biomill-test-resnet", "biomill-test-timm", "biomill-test-bare"
_TIMM = {"timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_pool": "", "image_size": 32}
VISION = {
    RESNET: {"image_size": 32, "layers": [1, 1, 1, 1], "width": 32, "head_width": 16, "patch_size": None},
    TIMM: {**_TIMM, "timm_proj": "linear"},
    BARE: {**_TIMM, "timm_pool": "map", "timm_proj": "none"},
}


def config(width: int) -> dict[str, Any]:
    return {
        "embed_dim": width,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": width, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": width, "heads": 2, "layers": 1},
    }


def trained(shards: str, out: Path, until: int = 0, replay: Path | None = None) -> Path:
    beside = {"replay": str(replay), "replay_batch": 8} if replay is not None else {}
    settings = Settings.of(
        {
            "model": f"open_clip:{NAME}",
            "batch": 16,
            "steps": 6,
            "warmup": 2,
            "checkpoint_every": 3,
            "keep": 9,
            "text": ["sci", "taxon"],
            **beside,
        }
    )
    with process_group("cpu") as group:
        feed = Feed(shards, Rules(settings.batch), View(32))
        fit(feed, place(out), settings, group, until, lambda _: None)
    return out / "checkpoints" / "step-00000006.pt"


def replayed(shards: str, folder: Path, names: Collection[str]) -> None:
    """A run with replay goes on bit for bit, and open_clip loads of it the model alone."""
    pairs = write_pairs(folder / "pairs")
    whole = torch.load(path := trained(shards, folder / "replay", 0, pairs), weights_only=True)
    trained(shards, folder / "replay-parts", 3, pairs)
    again = torch.load(trained(shards, folder / "replay-parts", 0, pairs), weights_only=True)
    for one, other in ((whole, again), (whole["replay"], again["replay"])):
        weights = one["state_dict"] if "state_dict" in one else one["projection"]
        theirs = other["state_dict"] if "state_dict" in other else other["projection"]
        assert weights and all(torch.equal(theirs[name], weights[name]) for name in weights)
    own = whole["replay"]["projection"]
    assert list(own) == ["proj"] and own["proj"].shape == whole["state_dict"]["visual.proj"].shape
    assert not torch.equal(own["proj"], whole["state_dict"]["visual.proj"])
    assert whole["state_dict"].keys() == set(names)
    open_clip.load_checkpoint(open_clip.create_model(NAME), str(path))
    print("replay goes on bit for bit, and open_clip loads the model alone")
    pixels = torch.linspace(-1, 1, 2 * 3 * 32 * 32).view(2, 3, 32, 32)
    for name in (NAME, RESNET, TIMM):
        model = build(f"open_clip:{name}").eval()
        projection = ReplayProjection(model)
        with torch.no_grad():
            assert torch.equal(projection.encode(model, pixels), model.encode_image(pixels))
            for weight in projection.parameters():
                weight.mul_(2)
            assert not torch.equal(projection.encode(model, pixels), model.encode_image(pixels))
        projection.encode(model, pixels).sum().backward()
        assert all(weight.grad is not None for weight in projection.parameters())
        assert all(weight.grad is None for weight in model.visual_projection().values())
        assert any(weight.grad is not None for weight in model.parameters())
    print("a vision transformer, a ResNet and a trunk of timm have two projections of one trunk")
    try:
        ReplayProjection(build(f"open_clip:{BARE}"))
    except UsageError:
        print("a model without a projection: refused")


def main() -> None:
    import json

    torch.set_num_threads(1)
    shards, folder = sys.argv[1], Path(sys.argv[2])
    for name, width in ((NAME, 32), (OTHER, 48)):
        (folder / f"{name}.json").write_text(json.dumps(config(width)))
    for name, vision in VISION.items():
        (folder / f"{name}.json").write_text(json.dumps({**config(64), "vision_cfg": vision}))
    open_clip.add_model_config(folder)
    pixels = torch.linspace(-1, 1, 2 * 3 * 32 * 32).view(2, 3, 32, 32)

    ours = trained(shards, folder / "whole")
    theirs = open_clip.create_model(NAME)
    open_clip.load_checkpoint(theirs, str(ours))
    loaded = load_model(place(folder / "whole")).model
    with torch.no_grad():
        assert torch.equal(theirs.eval().encode_image(pixels), loaded.encode_image(pixels))
        tokens = loaded.tokens(["a photo of Puma concolor."])
        assert torch.equal(theirs.encode_text(tokens), loaded.encode_text(tokens))
    print("ours in open_clip: the same features")

    fresh = open_clip.create_model(NAME)
    torch.save({"epoch": 1, "state_dict": fresh.state_dict()}, folder / "theirs.pt")
    built = build(f"open_clip:{NAME}@{folder / 'theirs.pt'}").eval()
    with torch.no_grad():
        assert torch.equal(fresh.eval().encode_image(pixels), built.encode_image(pixels))
    print("open_clip's in ours: the same features")

    trained(shards, folder / "parts", until=3)
    again = torch.load(trained(shards, folder / "parts"), weights_only=True)["state_dict"]
    whole = torch.load(ours, weights_only=True)["state_dict"]
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    print("stopped and gone on: the same weights")

    replayed(shards, folder, theirs.state_dict().keys())
    for name, said in (
        (f"open_clip:{OTHER}@{folder / 'theirs.pt'}", "weights of another architecture: refused"),
        ("open_clip:ViT-Z-99", "a model that is none: refused"),
    ):
        try:
            build(name)
        except UsageError:
            print(said)


if __name__ == "__main__":
    main()
