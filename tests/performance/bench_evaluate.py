"""What evaluating costs: CPU seconds and memory of each measure, and what planted mislabels are recovered.

    python -m tests.performance.bench_evaluate [IMAGES] [CLASSES] [DIMENSIONS]

Embeddings are drawn around a centre for each class; the memory is the peak of the process less what it held before.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import psutil

from pipeline.evaluate.measures.diagnostics import diagnose
from pipeline.evaluate.measures.few_shot import few_shot, nearest_centroid
from pipeline.evaluate.measures.retrieval import retrieval
from pipeline.evaluate.measures.vectors import Vectors, unit
from pipeline.evaluate.measures.zero_shot import classify, top_accuracies


class Peak:
    """The most memory that the process holds while a block runs, sampled every 20 ms, less what it held before."""

    def __enter__(self) -> Peak:
        self._process, self._ended = psutil.Process(), threading.Event()
        self._before = self.most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def megabytes(self) -> float:
        return (self.most - self._before) / 1e6


def drawn(images: int, classes: int, dimensions: int, noise: float = 2.5) -> tuple[Vectors, Vectors]:
    """Return unit vectors of images, of class i % classes, and of the classes' texts."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((classes, dimensions), np.float32)
    vectors = np.empty((images, dimensions), np.float32)
    for start in range(0, images, 10_000):
        part = np.arange(start, min(start + 10_000, images))
        vectors[part] = centres[part % classes] + noise * random.standard_normal((len(part), dimensions), np.float32)
    texts = centres + random.standard_normal(centres.shape, np.float32)
    return unit(vectors, "images"), unit(texts, "texts")


def main() -> None:
    """Print each measure with its value, CPU seconds and memory, then precision and recall of planted mislabels."""
    given = [int(word) for word in sys.argv[1:4]]
    images, classes, dimensions = (*given, *(100_000, 10_000, 512)[len(given) :])
    vectors, texts = drawn(images, classes, dimensions)
    labels = np.arange(images) % classes
    random = np.random.default_rng(1)
    half = np.arange(images) < images // 2
    wrong = np.zeros(images, np.bool_)
    wrong[random.choice(images, images // 20, replace=False)] = True
    planted = np.where(wrong, (labels + random.integers(1, classes, images)) % classes, labels)

    def mislabels() -> str:
        found = diagnose(vectors, planted).mislabelled
        hits = int((found & wrong).sum())
        return f"5 % planted: precision {hits / max(int(found.sum()), 1):.3f}, recall {hits / int(wrong.sum()):.3f}"

    def centroids() -> str:
        guess = nearest_centroid(vectors[half], labels[half], vectors[~half], 5)
        return f"top-1 {float((guess[:, 0] == labels[~half]).mean()):.3f}"

    def zero_shot() -> str:
        found = top_accuracies(classify(vectors, texts, 5)[0], labels, classes)
        return ", ".join(f"top-{each.k} {each.accuracy:.3f}" for each in found)

    measures: list[tuple[str, Callable[[], str]]] = [
        ("zero-shot", zero_shot),
        ("SimpleShot, k = 1, a fold", lambda: f"{few_shot(vectors, labels, 1, 1).accuracy:.3f}"),
        ("SimpleShot, k = 5, a fold", lambda: f"{few_shot(vectors, labels, 5, 1).accuracy:.3f}"),
        ("nearest centroid of half", centroids),
        ("retrieval, 2,000 queries", lambda: f"mAP {retrieval(vectors, labels).mean_average_precision:.3f}"),
        ("diagnostics", mislabels),
    ]
    print(f"{images:,} images x {dimensions}, {classes:,} classes; the images are {vectors.nbytes / 1e6:,.0f} MB")
    for name, measure in measures:
        with Peak() as peak:
            begun = time.process_time()
            said = measure()
            seconds = time.process_time() - begun
        print(f"{name:28} {seconds:7.1f} CPU s {peak.megabytes:7,.0f} MB  {said}", flush=True)
    print(f"peak of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
