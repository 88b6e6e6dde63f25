"""What one of several processes finds in a step, written to a file: `torchrun … ranks.py SHARDS OUT MIX`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from pipeline.feed import Feed, Rules, View
from pipeline.feed.texts import Texts
from pipeline.storage.places import place
from pipeline.train import Settings
from pipeline.train.fitting import process_group
from pipeline.train.fitting.batches import Batches
from pipeline.train.fitting.fit import _Run


def main() -> None:
    shards, out, mix = sys.argv[1:]
    torch.set_num_threads(1)
    settings = Settings(batch=32, steps=12, warmup=3, text=("sci", "taxon"), mix=mix)
    with process_group("cpu") as group:
        feed = Feed(shards, Rules(settings.batch), View(48))
        run = _Run(feed, place(out), settings, group)
        item = next(Batches(feed, Texts(feed.manifest, settings.text), run.model, settings, group).items(0, 1))
        loss = group.mean(run.gradients.contrast(item).detach().clone())
        group.average(parameter.grad for parameter in run.parameters)
        told = {
            "loss": loss,
            "gradient": torch.cat([each.grad.reshape(-1) for each in run.parameters]),
            "keys": list(item.keys),
        }
        torch.save(told, Path(out) / f"{group.world}-{group.rank}.pt")


if __name__ == "__main__":
    main()
