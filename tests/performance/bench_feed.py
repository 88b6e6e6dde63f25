"""Measure the reader: `python tests/performance/bench_feed.py --help`.

The yardstick is open_clip's own transform for training (RandomResizedCrop, bicubic, float tensor) on the same JPEGs,
and open_clip's loader (webdataset, decode, transform, tensors) from shards of them. Both need an environment with
torch, torchvision, open_clip_torch and webdataset; without it only our own figures and their fidelity are printed. CPU
seconds of this process with one thread, medians of interleaved rounds; ratios are of one run. Fidelity is PSNR against
a full decode and a bicubic, antialiased resampling of the same crop.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.feed import Feed, Rules, View, show
from pipeline.feed.decoding import DRAWS
from pipeline.feed.permutation import uniforms
from pipeline.shards import ShardWriter
from tests.performance.interleaving import interleaved
from tests.performance.photos import jpegs

COLUMNS = ("kingdom", "phylum", "class", "order", "family", "genus", "species", "vernacular_name")


def views() -> dict[str, View]:
    found = {"Pillow": View(), "Pillow, bicubic": View(resampling="bicubic")}
    if importlib.util.find_spec("simplejpeg"):
        found["simplejpeg"] = View(decoder="simplejpeg")
    return found


def psnr(images: list[bytes], view: View, draws: list[list[float]]) -> tuple[float, float]:
    found = []
    for image, numbers in zip(images, draws, strict=True):
        exact = show(image, View(exact=True), numbers).astype(np.float64)
        error = float(np.mean((exact - show(image, view, numbers)) ** 2))
        found.append(10 * np.log10(255**2 / error) if error else 99.0)
    return statistics.median(found), min(found)


def all_shown(images: list[bytes], view: View, draws: list[list[float]]) -> None:
    for image, numbers in zip(images, draws, strict=True):
        show(image, view, numbers)


def all_transformed(images: list[bytes], transform: Callable[[Image.Image], Any]) -> None:
    for image in images:
        with Image.open(io.BytesIO(image)) as opened:
            transform(opened.convert("RGB"))


def open_clip_transform() -> Callable[[Image.Image], Any] | None:
    if not all(importlib.util.find_spec(name) for name in ("torch", "torchvision", "open_clip")):
        return None
    import torch

    torch.set_num_threads(1)
    importlib.import_module("tests.oracles.startup.torchvision_without_operators")
    from open_clip.transform import image_transform

    transform: Callable[[Image.Image], Any] = image_transform(224, is_train=True)
    return transform


def dataset(folder: Path, images: list[bytes]) -> None:
    """Write the images as a folder of shards."""
    rows = []
    with (folder / "bench-000000.tar").open("wb") as file:
        writer = ShardWriter(file)
        for number, image in enumerate(images):
            at = writer.add(f"{number:032x}", [("jpg", image), ("txt", b"a photo of Lynx lynx."), ("json", b"{}")])
            place = {"jpg_offset": at.members[0].offset, "jpg_length": at.members[0].size}
            names = dict.fromkeys(COLUMNS, "Lynx")
            one = {"key": at.key, "shard": "bench-000000.tar", "split": "train", "accepted_id": "a"}
            rows.append({**one, **place, **names})
        writer.close()
    pq.write_table(pa.Table.from_pylist(rows), folder / "manifest.parquet")


def read_by_feed(feed: Feed, batches: int) -> None:
    for batch in feed.steps(0, batches):
        assert batch.images.shape[0] == feed.rules.batch


def read_by_open_clip(shard: Path, transform: Callable[[Image.Image], Any], batch: int, batches: int) -> None:
    import webdataset

    def texts(text: str) -> str:
        return text

    found = (
        webdataset.WebDataset(str(shard), shardshuffle=False)
        .decode("pilrgb")
        .rename(image="jpg;png;jpeg;webp", text="txt")
        .map_dict(image=transform, text=texts)
        .to_tuple("image", "text")
        .batched(batch, partial=False)
    )
    for number, _ in enumerate(found, start=1):
        if number == batches:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=Path, help="folder of photographs; drawn pictures without it")
    options = parser.parse_args()
    transform = open_clip_transform()
    if transform is None:
        print("open_clip is not installed in this environment: our own figures only")
    draws = uniforms(1, np.arange(options.images), DRAWS).tolist()
    for size in ((720, 540), (341, 256)):
        images = jpegs(options.images, size, options.photos)
        print(f"{size[0]} x {size[1]} pixels, {sum(map(len, images)) / len(images) / 1000:.0f} kB a JPEG")
        works: dict[str, Callable[[], object]] = {
            name: partial(all_shown, images, view, draws) for name, view in views().items()
        }
        if transform is not None:
            works["open_clip"] = partial(all_transformed, images, transform)
        took = interleaved(works, options.rounds)
        for name, view in views().items():
            line = f"  transform, {name}: {len(images) / took[name]:,.0f} images per CPU s"
            if transform is not None:
                line += f", {took['open_clip'] / took[name]:.2f} x open_clip ({len(images) / took['open_clip']:,.0f})"
            middle, worst = psnr(images, view, draws)
            print(f"{line}; PSNR {middle:.1f} dB in the middle, {worst:.1f} dB at worst")
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            dataset(folder, images)
            batches, batch = len(images) // 32, 32
            works = {
                name: partial(read_by_feed, Feed(folder, Rules(batch=batch), view), batches)
                for name, view in views().items()
            }
            if transform is not None and importlib.util.find_spec("webdataset"):
                shard = folder / "bench-000000.tar"
                works["open_clip"] = partial(read_by_open_clip, shard, transform, batch, batches)
            took = interleaved(works, options.rounds)
            for name in views():
                line = f"  reader, {name}: {batches * batch / took[name]:,.0f} images per CPU s"
                if "open_clip" in took:
                    line += f", {took['open_clip'] / took[name]:.2f} x webdataset with open_clip's transform"
                print(line)


if __name__ == "__main__":
    main()
