"""What bringing vectors and finding neighbours costs, beside plain NumPy and faiss over the same vectors.

    python -m tests.performance.bench_neighbours [PICTURES] [DIMENSIONS] [QUERIES]

Each is measured in a process of its own, on one thread: CPU seconds, and the peak of the process. The plain ones hold
all vectors in float32; their answers are compared with ours, by distance and by key.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

K = 10
CENTRES = 20_000
_ROWS = 1 << 14
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS"), "1")


def prepare(folder: Path, pictures: int, dimensions: int) -> None:
    """Write shards' manifest of so many pictures, and a file of float32 vectors of them, in another order."""
    random = np.random.default_rng(0)
    keys = np.array([f"{number * 2654435761 % (1 << 64):032x}" for number in range(pictures)])
    splits = np.where(np.arange(pictures) % 10 == 0, "test", "train")
    taxa = np.array([f"t{number % CENTRES:05d}" for number in range(pictures)])
    columns = {"key": keys, "accepted_id": taxa, "accepted_name": taxa, "split": splits, "group_id": keys}
    (folder / "shards").mkdir()
    pq.write_table(pa.table(columns), folder / "shards" / "manifest.parquet")
    centres = random.standard_normal((CENTRES, dimensions), np.float32)
    schema = pa.schema([("key", pa.string()), ("vector", pa.list_(pa.float32(), dimensions))])
    with pq.ParquetWriter(folder / "vectors.parquet", schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, pictures, _ROWS):
            rows = np.arange(start, min(start + _ROWS, pictures))
            vectors = centres[rows % CENTRES] + random.standard_normal((len(rows), dimensions), np.float32)
            column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimensions)
            writer.write_table(pa.table([pa.array(keys[rows]), column], schema=schema))


def stored(folder: Path) -> tuple[list[str], np.ndarray]:
    keys, parts = [], []
    for path in sorted((folder / "embeddings" / "drawn").glob("pictures-*")):
        table = pq.read_table(path, columns=["key", "vector"])
        keys += table["key"].to_pylist()
        flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        parts.append(flat.reshape(table.num_rows, -1).astype(np.float32))
    return keys, np.concatenate(parts)


def asked_keys(folder: Path, queries: int) -> list[str]:
    return sorted(pq.read_table(folder / "shards" / "manifest.parquet", columns=["key"])["key"].to_pylist())[:queries]


def work(what: str, folder: Path, queries: int) -> None:
    """Do one of the things that are measured, and print its cost."""
    begun = time.process_time()
    out = folder / f"{what}.npz"
    if what == "bring":
        from pipeline.vectors import bring

        list(bring(folder, folder / "vectors.parquet", "drawn"))
    elif what.startswith("biomill"):
        from pipeline.vectors import Asked, neighbours_of_pictures

        library = "faiss" if what.endswith("faiss") else "numpy"
        asked = Asked(K, tuple(asked_keys(folder, queries)), library=library)
        found = pa.concat_tables(neighbours_of_pictures(folder, "drawn", asked))
        shape = (queries, K)
        near = np.array(found["neighbour"].to_pylist()).reshape(shape)
        np.savez(out, keys=near, distances=np.array(found["distance"]).reshape(shape))
    else:
        keys, vectors = stored(folder)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        place = {key: row for row, key in enumerate(keys)}
        rows = np.array([place[key] for key in asked_keys(folder, queries)])
        if what == "faiss":
            import faiss

            faiss.omp_set_num_threads(1)
            index = faiss.IndexFlatIP(vectors.shape[1])
            index.add(vectors)
            scores, near = index.search(vectors[rows], K + 1)
        else:
            near, scores = np.empty((queries, K + 1), np.int64), np.empty((queries, K + 1), np.float32)
            for start in range(0, queries, 16):  # 64 MB of scores for a million
                some = slice(start, start + 16)
                product = vectors[rows[some]] @ vectors.T
                best = np.argpartition(-product, K, axis=1)[:, : K + 1]
                order = np.argsort(-np.take_along_axis(product, best, axis=1), axis=1, kind="stable")
                near[some] = np.take_along_axis(best, order, axis=1)
                scores[some] = np.take_along_axis(product, near[some], axis=1)
        np.savez(out, keys=np.array(keys)[near[:, 1:]], distances=1 - scores[:, 1:].astype(np.float64))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"cpu_s": time.process_time() - begun, "mb": peak}))


def measured(what: str, folder: Path, queries: int) -> str:
    """Return what one of them cost, or why it was not run."""
    words = [sys.executable, "-m", "tests.performance.bench_neighbours", "--work", what, str(folder), str(queries)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    if done.returncode:
        return f"not run: {done.stderr.strip().splitlines()[-1]}"
    cost = json.loads(done.stdout.splitlines()[-1])
    said = f"{cost['cpu_s']:8.1f} CPU s {cost['mb']:8,.0f} MB"
    if what in ("bring", "biomill") or not (folder / "biomill.npz").exists():
        return said
    ours, theirs = np.load(folder / "biomill.npz"), np.load(folder / f"{what}.npz")
    off = float(np.abs(ours["distances"] - theirs["distances"]).max())
    return f"{said}   the same keys: {float((ours['keys'] == theirs['keys']).mean()):.4%}, distances to {off:.1e}"


def main() -> None:
    """Print the cost of bringing vectors, and of the neighbours of some of them by ours, NumPy and faiss."""
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    given = [int(word) for word in sys.argv[1:4]]
    pictures, dimensions, queries = (*given, *(100_000, 512, 2_000)[len(given) :])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, pictures, dimensions)
        size = (folder / "vectors.parquet").stat().st_size
        print(f"{pictures:,} pictures x {dimensions}; the file of float32 is {size / 1e6:,.0f} MB; k = {K}")
        for what, told in (
            ("bring", "biomill embed --from"),
            ("biomill", f"biomill neighbours, {queries:,} pictures"),
            ("numpy", "NumPy, all in memory"),
            ("faiss", "faiss IndexFlatIP"),
            ("biomill-faiss", "biomill neighbours --library faiss"),
        ):
            print(f"{told:36} {measured(what, folder, queries)}", flush=True)


if __name__ == "__main__":
    main()
