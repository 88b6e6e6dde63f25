"""One process of a group that `torchrun` starts: print the digests of the whole group's batches, as JSON, from rank 0.

torchrun --nproc_per_node 2 tests/oracles/torch_ranks.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys

import torch.distributed as group

from pipeline.feed import Feed, Rules, View
from pipeline.feed.torch import loader

STEPS = 8


def digests(folder: str, mode: str) -> list[list[str]]:
    rank, world = group.get_rank(), group.get_world_size()
    feed = Feed(folder, Rules(batch=8, mode=mode, chunk=8, open_shards=2, lanes=2), View(size=32))
    batches = loader(feed, 2, STEPS, workers=1, rank=rank, world=world)
    assert (len(batches), len(batches.dataset)) == (STEPS - 2, STEPS)
    found = []
    for item in batches:
        pixels = item["image"].permute(0, 2, 3, 1).contiguous().numpy()
        mine = [key + hashlib.sha256(each.tobytes()).hexdigest() for key, each in zip(item["key"], pixels, strict=True)]
        parts: list[list[str]] = [[] for _ in range(world)]
        group.all_gather_object(parts, mine)
        found.append([digest for part in parts for digest in part])
    return found


def main() -> None:
    group.init_process_group("gloo")
    found = {mode: digests(sys.argv[1], mode) for mode in ("index", "stream")}
    if group.get_rank() == 0:
        print(json.dumps({"world": group.get_world_size(), **found}))
    group.destroy_process_group()


if __name__ == "__main__":
    main()
