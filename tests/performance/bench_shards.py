"""Measure writing and walking shards: `python tests/performance/bench_shards.py --help`.

Writing is compared with a raw copy of the same bytes from file to file, walking with webdataset where it is installed
and with `tarfile`. CPU seconds of this process (user and system), medians of interleaved rounds; ratios are of one run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.shards import ShardWriter, sample_locations, scan, text_members
from tests.performance.interleaving import interleaved
from tests.performance.photos import jpegs

LYNX = {"kingdom": "Animalia", "class": "Mammalia", "family": "Felidae", "genus": "Lynx", "species": "Lynx lynx"}
Sample = tuple[str, list[tuple[str, bytes]]]


def samples(images: list[bytes], count: int, layout: str) -> list[Sample]:
    made = []
    for number in range(count):
        key = hashlib.sha256(str(number).encode()).hexdigest()[:36]
        texts = text_members(layout, LYNX, "Eurasian lynx")
        made.append((key, [("jpg", images[number % len(images)]), ("txt", b"t" * 130), *texts, ("json", b"j" * 2200)]))
    return made


def write(source: Path, path: Path, made: list[Sample]) -> None:
    """Write the shard, its images read from the source as the stage reads them."""
    with source.open("rb") as blob, path.open("wb") as file:
        writer, offset = ShardWriter(file), 0
        for key, members in made:
            size = len(members[0][1])
            writer.add(key, [("jpg", os.pread(blob.fileno(), size, offset)), *members[1:]])
            offset += size
        writer.close()


def copy_raw(source: Path, path: Path, made: list[Sample]) -> None:
    """Copy the same bytes in the same pieces, and nothing else."""
    with source.open("rb") as blob, path.open("wb") as file:
        offset = 0
        for _, members in made:
            size = len(members[0][1])
            file.write(os.pread(blob.fileno(), size, offset))
            for _, data in members[1:]:
                file.write(data)
            offset += size


def count(read: Callable[[Path], Iterable[object]], path: Path) -> int:
    return sum(1 for _ in read(path))


def count_webdataset(path: Path) -> int:
    import webdataset

    return sum(1 for sample in webdataset.WebDataset(str(path), shardshuffle=False) if "__key__" in sample)


def count_tarfile(path: Path) -> int:
    with tarfile.open(path) as archive:
        opened = (archive.extractfile(member) for member in archive)
        return sum(1 for file in opened if file is not None and file.read() is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--samples", type=int, default=2000, help="samples of the shard")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=int, nargs=2, default=(341, 256), help="pixels of an image")
    parser.add_argument("--photos", type=Path, help="folder of photographs; drawn pictures without it")
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder without it")
    options = parser.parse_args()
    images = jpegs(100, tuple(options.size), options.photos)
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        for layout in ("default", "bioclip"):
            made = samples(images, options.samples, layout)
            path, raw, blob = (Path(temporary) / name for name in (f"{layout}.tar", "raw", "blob"))
            blob.write_bytes(b"".join(members[0][1] for _, members in made))
            took = interleaved(
                {"write": partial(write, blob, path, made), "copy": partial(copy_raw, blob, raw, made)}, options.rounds
            )
            size = path.stat().st_size
            print(
                f"{layout}: {len(made):,} samples of {len(made[0][1])} members, {size / 1e6:.0f} MB; "
                f"written in {took['write']:.3f} CPU s, raw copy {took['copy']:.3f}: "
                f"{took['write'] / took['copy']:.2f} x the raw copy"
            )
            works: dict[str, Callable[[], object]] = {
                "scan": partial(count, scan, path),
                "walk, all checked": partial(count, sample_locations, path),
                "tarfile": partial(count_tarfile, path),
            }
            try:
                import webdataset

                works[f"webdataset {webdataset.__version__}"] = partial(count_webdataset, path)
            except ImportError:
                print("  webdataset is not installed: pip install webdataset")
            took = interleaved(works, options.rounds)
            for name, seconds in took.items():
                print(
                    f"  {name}: {len(made) / seconds:,.0f} samples per CPU s, scan is {seconds / took['scan']:.1f} x it"
                )


if __name__ == "__main__":
    main()
