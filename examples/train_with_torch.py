"""A training loop over a run's shards, with PyTorch (extra `train`): `python examples/train_with_torch.py RUN`.

What a batch holds follows from the step alone, so that a run of training goes on at any step, with other workers or
ranks, and sees the same images in the same order.
"""

import sys

import torch

import biomill
from pipeline.feed.torch import loader

STEPS, HALF = 8, 4

# Every taxon as often as the square root of its images says; random crops of 64 pixels.
feed = biomill.open_run(sys.argv[1]).feed(32, seed=7, sampler="sqrt", size=64)
taxa = feed.manifest.taxa
print(f"{len(feed):,} samples of {len(taxa):,} taxa")

torch.manual_seed(7)
model = torch.nn.Sequential(
    torch.nn.AvgPool2d(8),  # 3 x 8 x 8 numbers an image: enough for an example
    torch.nn.Flatten(),
    torch.nn.Linear(3 * 8 * 8, len(taxa)),
)
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)


def train(start: int, stop: int) -> None:
    """Train on the steps `start` to `stop` - 1."""
    for batch in loader(feed, start, stop, workers=0):
        # Bytes cross to the device, and become numbers there.
        images = batch["image"].float() / 255
        loss = torch.nn.functional.cross_entropy(model(images), batch["taxon"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        print(f"step {batch['step']}: loss {loss.item():.3f}")


train(0, HALF)
# What a checkpoint holds beside the weights: the step, and the digest of data and rules.
checkpoint = feed.state(HALF)
# Later, in another process: the step to go on at; FeedError if data, rules or view are not the same.
train(feed.resume(checkpoint), STEPS)
