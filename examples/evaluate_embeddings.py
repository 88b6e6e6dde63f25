"""Evaluate a model by its embeddings of a run's pictures; here a model that needs no weights.

`python examples/evaluate_embeddings.py RUN OUT`. Writes OUT/embeddings.parquet and OUT/untrained.parquet, a key and a
vector a row, and into OUT what `biomill evaluate RUN --embeddings OUT/embeddings.parquet -o OUT` would.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import biomill

BATCH = 64


def embed(images: np.ndarray) -> np.ndarray:
    """The model: colours in a grid of 4 x 4. Yours takes uint8 pictures, and gives a row of floats for each."""
    colours = images.reshape(len(images), 4, 8, 4, 8, 3).mean(axis=(2, 4))
    return np.asarray(colours.reshape(len(images), 48) / 255)


run, out = biomill.open_run(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
try:
    # Every split: those that are judged, and the one that teaches. An epoch has every sample once; the last batch goes
    # on with the next epoch, whose samples are left out here.
    feed = run.feed(BATCH, split="", size=32, crop="squash")
    vectors: dict[str, np.ndarray] = {}
    for step in range(-(-len(feed) // BATCH)):
        batch = feed.batch(step)
        for key, vector in zip(batch.keys, embed(batch.images), strict=True):
            vectors.setdefault(key, vector)
    noise = np.random.default_rng(0).standard_normal((len(vectors), 48))
    for name, rows in (("embeddings", list(vectors.values())), ("untrained", list(noise))):
        column = pa.array(rows, pa.list_(pa.float32()))
        pq.write_table(pa.table({"key": pa.array(vectors), "vector": column}), out / f"{name}.parquet")
    found = run.evaluate(out / "embeddings.parquet", untrained=out / "untrained.parquet", out=out)
except biomill.BiomillError as error:
    sys.exit(str(error))

facts = found.evaluation
print(f"{facts.images} pictures of {facts.classes} taxa")
for part in facts.classifications[0].parts:
    print(f"nearest centroid, {part.name}: {part.top[0].accuracy:.1%}, by chance {part.top[0].chance:.1%}")
for control in facts.controls:
    print(f"control {control.name}: {control.accuracy:.1%}, by chance {control.chance:.1%}")
