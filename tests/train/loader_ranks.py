"""One process of a group reads some batches through the loader, going on where an earlier group's state stands.

torchrun … loader_ranks.py SHARDS OUT BATCHES
"""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path

import torch.distributed as group

from pipeline.feed import Feed, Rules, View
from pipeline.feed.torch import loader


def main() -> None:
    shards, out, batches = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    group.init_process_group("gloo")
    rank, world = group.get_rank(), group.get_world_size()
    source = loader(Feed(shards, Rules(64, 3), View(size=16)), workers=1, rank=rank, world=world, label="species")
    before: list[list[str]] = []
    if (out / "state.json").exists():
        source.load_state_dict(json.loads((out / "state.json").read_text()))
        before = json.loads((out / "keys.json").read_text())
    found = []
    for item in islice(source, batches):
        parts: list[list[str]] = [[] for _ in range(world)]
        group.all_gather_object(parts, list(item["key"]))
        found.append([key for part in parts for key in part])
    states: list[dict[str, object]] = [{} for _ in range(world)]
    group.all_gather_object(states, source.state_dict())
    assert all(state == states[0] for state in states), "the state is the same for all ranks"
    if rank == 0:
        (out / "state.json").write_text(json.dumps(states[0]))
        (out / "keys.json").write_text(json.dumps(before + found))
    group.destroy_process_group()


if __name__ == "__main__":
    main()
