"""Print digests of batches that PyTorch's DataLoader brings, as JSON: python torch_batches.py FOLDER WORKERS MODE."""

from __future__ import annotations

import hashlib
import json
import sys

from pipeline.feed import Feed, Rules, View
from pipeline.feed.torch import Steps, loader


def digests(feed: Feed, start: int, stop: int, workers: int, rank: int = 0, world: int = 1) -> list[list[str]]:
    found = []
    for item in loader(feed, start, stop, workers, rank, world):
        assert item["image"].shape[1:] == (3, 32, 32)
        pixels = item["image"].permute(0, 2, 3, 1).contiguous().numpy()
        found.append([hashlib.sha256(image.tobytes()).hexdigest() for image in pixels])
        assert len(item["key"]) == len(item["taxon"]) == len(item["name"]) == len(pixels)
    return found


def main() -> None:
    folder, workers, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    feed = Feed(folder, Rules(batch=8, mode=mode, chunk=8, open_shards=2), View(size=32))
    steps = Steps(feed)
    looped = sum(1 for _ in steps)  # type: ignore[attr-defined, misc]  # a loop by index, which typing does not know
    assert looped == feed.sequence.epoch_steps == len(steps), "a loop over the dataset ends"
    ranks = [digests(feed, 0, 40, workers, rank, 2) for rank in range(2)]
    print(
        json.dumps(
            {
                "one": digests(feed, 0, 40, workers),
                "resumed": digests(feed, 0, 20, workers) + digests(feed, 20, 40, workers),
                "two": [left + right for left, right in zip(*ranks, strict=True)],
            }
        )
    )


if __name__ == "__main__":
    main()
