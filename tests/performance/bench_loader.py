"""Images per CPU second of our loader beside open_clip's own: `python -m tests.performance.bench_loader [FOLDER ...]`.

open_clip's is the data set of its trainer (`open_clip_train.data.get_wds_dataset`: webdataset, decode, transform,
tokens), read through its own DataLoader; ours is `pipeline.feed.torch.loader` with token ids of the same tokeniser,
from the same shards, in batches of one size; its images are floats, normalised, ours bytes. Both in this process
without workers, interleaved, medians of CPU seconds. The comparison needs torch, torchvision, open_clip_torch 3.3 and
webdataset 0.2; without them nothing is measured.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.feed import Feed, Rules, Tokens, View
from tests.performance.bench_feed import dataset
from tests.performance.interleaving import interleaved
from tests.performance.photos import jpegs

BATCH = 64
NEEDS = ("torch", "torchvision", "open_clip", "open_clip_train", "webdataset")


def missing() -> list[str]:
    return [name for name in NEEDS if importlib.util.find_spec(name) is None]


def read(batches: Any, number: int) -> None:
    seen = 0
    for batch in batches:
        image = batch["image"] if isinstance(batch, dict) else batch[0]
        assert image.shape[0] == BATCH
        seen += 1
        if seen == number:
            return
    raise SystemExit(f"{seen} batches of {number} came")


def open_clips(folder: Path, images: int, size: int, tokenizer: Any) -> Any:
    """Return the loader of open_clip's trainer over the shards."""
    from open_clip.transform import image_transform
    from open_clip_train.data import get_wds_dataset

    asked = SimpleNamespace(
        train_data=str(folder / "bench-000000.tar"),
        train_num_samples=images,
        train_data_upsampling_factors=None,
        dataset_resampled=False,
        batch_size=BATCH,
        workers=0,
        world_size=1,
        seed=0,
        distributed=False,
    )
    return get_wds_dataset(asked, image_transform(size, is_train=True), is_train=True, tokenizer=tokenizer).dataloader


def ours(folder: Path, decoder: str, size: int, tokenizer: Any) -> Any:
    from pipeline.feed.torch import loader

    feed = Feed(folder, Rules(BATCH), View(size, decoder=decoder))
    return loader(feed, tokens=Tokens(tokenizer, name="bench"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--photos", type=Path, help="folder of photographs; drawn pictures without it")
    options = parser.parse_args()
    if absent := missing():
        print(
            f"not measured: {', '.join(absent)} is not installed here (make oracles makes an environment that has all)"
        )
        return
    import torch

    torch.set_num_threads(1)
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [each for each in sys.modules if each.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("tests.oracles.startup.torchvision_without_operators")
    import open_clip

    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    for stored in ((720, 540), (341, 256)):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            images = jpegs(options.images, stored, options.photos)
            dataset(folder, images)
            batches = options.images // BATCH
            works: dict[str, Callable[[], object]] = {}
            for decoder in ("pillow", *(["simplejpeg"] if importlib.util.find_spec("simplejpeg") else [])):
                works[f"biomill, {decoder}"] = partial(read, ours(folder, decoder, options.size, tokenizer), batches)
            works["open_clip"] = partial(read, open_clips(folder, options.images, options.size, tokenizer), batches)
            took = interleaved(works, options.rounds)
            size = sum(map(len, images)) / len(images) / 1000
            print(f"{stored[0]} x {stored[1]} pixels, {size:.0f} kB a JPEG, shown at {options.size}:")
            for name, seconds in took.items():
                line = f"  {name}: {batches * BATCH / seconds:,.0f} images per CPU s"
                print(line if name == "open_clip" else f"{line}, {took['open_clip'] / seconds:.2f} x open_clip")


if __name__ == "__main__":
    main()
