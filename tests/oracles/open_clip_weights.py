"""Weights from `biomill train` to open_clip and back: `open_clip_weights.py SHARDS FOLDER`, where both are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import open_clip
import torch

from pipeline.feed import Feed, Rules, View
from pipeline.model.errors import UsageError
from pipeline.storage.places import place
from pipeline.train import Settings
from pipeline.train.fitting import fit, load_model, process_group
from pipeline.train.networks import build

NAME, OTHER = "biomill-test-tiny", "biomill-test-other"


def config(width: int) -> dict[str, Any]:
    return {
        "embed_dim": width,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": width, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": width, "heads": 2, "layers": 1},
    }


def trained(shards: str, out: Path, until: int = 0) -> Path:
    settings = Settings(
        model=f"open_clip:{NAME}", batch=16, steps=6, warmup=2, checkpoint_every=3, text=("sci", "taxon"), keep=9
    )
    with process_group("cpu") as group:
        feed = Feed(shards, Rules(settings.batch), View(32))
        fit(feed, place(out), settings, group, until, lambda _: None)
    return out / "checkpoints" / "step-00000006.pt"


def main() -> None:
    import json

    torch.set_num_threads(1)
    shards, folder = sys.argv[1], Path(sys.argv[2])
    for name, width in ((NAME, 32), (OTHER, 48)):
        (folder / f"{name}.json").write_text(json.dumps(config(width)))
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
