"""How fast training goes, and how long it waits for data: `make bench-train`.

Trains the built-in model, and on a GPU also open_clip's ViT-B-32 in bf16 where open_clip is installed, by the loop of
`biomill train` itself, on shards of drawn photographs of 64 taxa. Steps before the tenth (compiling, first reads, first
tokens) are left out of the figures. CPU seconds are those of this process and its workers.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.shards import ShardWriter, shard_name
from pipeline.storage.places import place
from tests.performance.photos import jpegs

TAXA, EACH, WARM = 64, 512, 10


def dataset(folder: Path, images: int, size: tuple[int, int], photos: Path | None) -> Path:
    """Write images as shards of 512, with the lineages of 64 taxa."""
    rows = []
    for shard in range(-(-images // EACH)):
        name = shard_name("bench", shard)
        with (folder / name).open("wb") as file:
            writer = ShardWriter(file)
            here = range(shard * EACH, min(images, (shard + 1) * EACH))
            for number, image in zip(here, jpegs(len(here), size, photos), strict=True):
                taxon = number % TAXA
                at = writer.add(f"{number:032x}", [("jpg", image), ("txt", b"a photo of a beast.")])
                lineage = {"genus": f"Genus{taxon // 4}", "species": f"Genus{taxon // 4} species{taxon}"}
                lineage |= {"family": f"Familia{taxon // 16}", "kingdom": "Animalia"}
                place_ = {"jpg_offset": at.members[0].offset, "jpg_length": at.members[0].size}
                one = {"key": at.key, "shard": name, "split": "train", "accepted_id": f"t{taxon}"}
                rows.append(
                    {**one, **place_, **dict.fromkeys(("phylum", "class", "order", "vernacular_name"), ""), **lineage}
                )
            writer.close()
    pq.write_table(pa.Table.from_pylist(rows), folder / "manifest.parquet")
    return folder


def spent() -> float:
    """Return CPU seconds of this process and of its children that ended."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def measure(shards: Path, **changes: Any) -> None:
    """Train, and print what it took."""
    import torch

    from pipeline.train import Settings
    from pipeline.train.fitting import fit, process_group
    from pipeline.train.fitting.command import open_feed
    from pipeline.train.journal import read_journal
    from pipeline.train.networks import build

    settings = Settings.of({"warmup": 5, "checkpoint_every": 10**6, **changes})
    with tempfile.TemporaryDirectory() as out, process_group(settings.device) as group:
        model = build(settings.model, settings.seed)
        feed = open_feed(str(shards), settings, model.size)
        if group.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        before, begun = spent(), time.perf_counter()
        done = fit(feed, place(out), settings, group, 0, lambda line: None, model)
        took, cpu = time.perf_counter() - begun, spent() - before
        steps = [line for line in read_journal(place(out)) if line["step"] >= WARM]
        seconds = sum(settings.batch / line["images_per_s"] for line in steps)
        waited = sum(line["data_wait"] * settings.batch / line["images_per_s"] for line in steps)
        device = torch.cuda.get_device_name() if group.device.type == "cuda" else f"CPU, {platform.machine()}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        asked = f"{settings.model}, {settings.precision}, batch {settings.batch}, {settings.workers} workers"
        print(f"{asked}, on {device}:")
        print(f"  waiting for data {waited / seconds:.1%} of the time behind step {WARM}")
        middle = statistics.median(line["images_per_s"] for line in steps)
        print(f"  {settings.batch * len(steps) / seconds:,.0f} images/s ({middle:,.0f} in the middle)")
        print(f"  {done.images / cpu:,.0f} images per CPU s, of all that training is; {cpu / took:.1f} CPUs were used")
        print(f"  peak memory {peak:,.0f} MB", end="")
        on_gpu = torch.cuda.max_memory_allocated() / 2**20 if group.device.type == "cuda" else 0
        print(f", and {on_gpu:,.0f} MB of the GPU" if on_gpu else "", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=0, help="40 on a CPU, 200 on a GPU by default")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--workers", type=int, nargs="*", help="0 and 1 on a CPU, 8 on a GPU by default")
    parser.add_argument("--photos", type=Path, help="folder of photographs; drawn pictures without it")
    options = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        print("not measured: PyTorch is not installed here (pip install 'biomill[train]')")
        return
    import torch

    gpu = torch.cuda.is_available()
    steps, workers = options.steps or (200 if gpu else 40), options.workers or ([8] if gpu else [0, 1])
    with tempfile.TemporaryDirectory() as temporary:
        shards = dataset(Path(temporary), options.images, (341, 256), options.photos)
        for number in workers:
            common = {"steps": steps, "workers": number, "batch": 128}
            measure(shards, model="tiny", **common)
            if gpu and importlib.util.find_spec("open_clip"):
                measure(shards, model="open_clip:ViT-B-32", precision="bf16", **{**common, "batch": 1024})


if __name__ == "__main__":
    main()
