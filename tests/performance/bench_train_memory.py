"""What a training process holds for itself, as the manifest grows: `… -m tests.performance.bench_train_memory ROWS`.

Ranks of one machine (gloo) train the built-in model for some steps by the loop of `biomill train`, on a manifest of
drawn rows whose shards are sparse files with images at the places that these steps read. Then each rank makes the
tokens of every lineage, as after an epoch. Memory is the kernel's: private memory that cannot be given back, without
that of the same process before it opened anything (imports, the model); what is shared counts by its share.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.feed import Feed, Rules, View
from pipeline.shards.tar import header
from tests.performance.bench_feed_open import manifest, memory
from tests.performance.photos import jpegs

BATCH, STEPS = 512, 3


def sparse(folder: Path, settings: Any) -> None:
    """Write images where the first steps read them; all else of the shards is a hole."""
    picture = jpegs(1, (64, 48), None)[0]
    feed = Feed(folder, Rules(settings.batch, settings.seed), View(48))
    for step in range(settings.steps):
        rows = feed.sequence.rows(step)
        for row, key in zip(rows.tolist(), feed.manifest.keys_of(rows), strict=True):
            span = feed.manifest.span(row)
            path = folder / span.name
            path.touch()
            with path.open("r+b") as file:
                file.seek(span.start - 512)
                file.write(header(f"{key}.jpg", span.end - span.start) + picture)
                file.truncate(max(path.stat().st_size, span.end))


def asked(objective: str) -> Any:
    from pipeline.train import Settings

    return Settings(batch=BATCH, steps=STEPS, warmup=1, objective=objective, device="cpu")


def one(folder: Path, objective: str) -> None:
    """Train as the rank that the environment names; print what it holds."""
    import torch

    from pipeline.feed.texts import Texts
    from pipeline.storage.places import place
    from pipeline.train.fitting import fit, process_group
    from pipeline.train.fitting.batches import Batches
    from pipeline.train.fitting.command import open_feed
    from pipeline.train.networks import build

    torch.set_num_threads(1)
    settings = asked(objective)
    with process_group("cpu") as group, tempfile.TemporaryDirectory() as out:
        model = build("tiny", 0)
        bare = memory()
        feed = open_feed(str(folder), settings, model.size)
        opened = memory()
        within: list[dict[str, float]] = []  # as the steps go, while all is held that training holds
        fit(feed, place(out), settings, group, 0, lambda line: within.append(memory()), model)
        # Only the first rank speaks.
        trained = within[-1] if within else memory()
        texts = Texts(feed.manifest, settings.text, settings.seed)
        table = Batches(feed, texts, model, settings, group)._table
        for start in range(0, texts.lineages, 1 << 14):
            names = np.arange(start, min(texts.lineages, start + (1 << 14)))
            table.rows(np.zeros_like(names), names)
            table.strings(np.zeros_like(names), names)
        group.wait()
        now = memory()
        group.wait()
        parts = {"bare": bare, "feed": opened, "trained": trained, "tokens": now}
        print(json.dumps({name: {**each} for name, each in parts.items()} | {"lineages": texts.lineages}), flush=True)


def ranks(folder: Path, objective: str, world: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.performance.bench_train_memory", "--one", str(folder), objective]
    started = []
    for rank in range(world):
        group = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
        env = {**os.environ, **group, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29571", "OPENBLAS_NUM_THREADS": "1"}
        started.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True))
    found = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit("a rank ended")
    return [json.loads(text.strip().splitlines()[-1]) for text in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("rows", type=int, nargs="?", default=100_000, help="rows of the manifest")
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--objectives", nargs="*", default=["contrast"], choices=["contrast", "classify"])
    parser.add_argument("--folder", type=Path, help="where the manifests lie and stay; a temporary folder without it")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(Path(options.one[0]), options.one[1])
        return
    if importlib.util.find_spec("torch") is None:
        print("not measured: PyTorch is not installed here (pip install 'biomill[train]')")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = manifest(options.folder or Path(temporary), options.rows)
        sparse(folder, asked("contrast"))
        for objective in options.objectives:
            for world in options.ranks:
                said = ranks(folder, objective, world)
                print(f"{options.rows:,} rows, {said[0]['lineages']:,} lineages, {objective}, {world} rank(s):")
                for part in ("feed", "trained", "tokens"):
                    private = max(each[part]["private"] - each["bare"]["private"] for each in said)
                    share = sum(each[part]["share"] - each["bare"]["share"] for each in said)
                    peak = max(each[part]["peak"] for each in said)
                    together = "" if part == "trained" else f", all together {share:,.0f} MB"
                    print(f"  {part}: private {private:,.0f} MB a rank{together}, peak {peak:,.0f} MB", flush=True)
                print(f"  imports and model: {max(each['bare']['private'] for each in said):,.0f} MB a rank")


if __name__ == "__main__":
    main()
