"""Measure fetching images beside img2dataset: `python tests/performance/bench_fetch.py --help`, or `make bench-fetch`.

The same procedural JPEGs go over loopback http and https through img2dataset, through the shortest program with
threads, simplejpeg, OpenCV and the same hashes (each in an environment of its own) and through Biomill with each
resampler, in turn, to the same size and JPEG quality: the shortest side in 256 pixels, the default of img2dataset and
Biomill, and the longest in 720, as TreeOfLife-200M was made. Figures are CPU of all processes of a run, per image,
with start-up and without (a run of eight images per process is taken off); the floor is decode + reduce + encode of
the same files in the same minutes, by OpenCV as img2dataset does it and by Pillow as Biomill does it. Medians where
there are repeats. Ratios hold for any machine; images per second are of this one, with whatever else runs on it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.performance.fetching import peer
from tests.performance.fetching.corpus import write_corpus
from tests.performance.fetching.likeness_of_reduction import losses
from tests.performance.fetching.metered import Spent, run_metered
from tests.performance.fetching.pixels import pixel_lines, resamplers
from tests.performance.fetching.server import write_certificate

ROOT = Path(__file__).parents[2]
_FIRST = 8  # images per process of a run that measures the start-up: enough for every process to get some
PHOTOGRAPHS = (ROOT / "../shared/data/sources/images", ROOT / "../shared/data/sources/cameratraps")


@dataclass(frozen=True, slots=True)
class Size:
    """What is stored: the bound in pixels, and which side it bounds."""

    rule: str
    side: int

    @classmethod
    def parse(cls, text: str) -> Size:
        rule, _, side = text.partition(":")
        if rule not in ("shortest", "longest"):
            raise argparse.ArgumentTypeError(f"{text!r} is not like shortest:256 or longest:720")
        return cls(rule, int(side))


def our_command(
    listing: Path, folder: Path, host: str, size: Size, options: argparse.Namespace, resampler: str
) -> list[str]:
    """Return the command that is measured as Biomill: `biomill fetch`, as users run it for a host of their own."""
    rules = ["--side", size.side, "--rule", size.rule, "--quality", options.quality, "--workers", options.processes]
    rules += ["--resampler", resampler]
    manners = ["--contact", "bench@example.org", "--allow-private", host, "--rate", 1_000_000, "--connections", 16]
    return [
        sys.executable,
        "-m",
        "pipeline.commands.cli",
        "fetch",
        *map(str, (listing, "-o", folder, *rules, *manners)),
    ]


@dataclass(frozen=True, slots=True)
class Cost:
    """Per image: CPU ms with start-up and without; images per second; peak memory in MB."""

    whole: float
    steady: float
    rate: float
    rss_mb: float


@contextmanager
def served(folder: Path, pem: Path) -> Iterator[dict[str, int]]:
    """Serve a folder; gives the port of each scheme."""
    command = [sys.executable, "-m", "tests.performance.fetching.server", str(folder), str(pem)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(pem)) as server:
        assert server.stdin and server.stdout
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.stdin.close()


def environment(bundle: Path) -> dict[str, str]:
    """Return the variables of every run: our modules, and the certificates to trust."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(bundle), "NO_ALBUMENTATIONS_UPDATE": "1"}


class Bench:
    """One run of the benchmark, in its folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        import certifi

        self.options, self.folder = options, options.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pem, self.bundle = self.folder / "server.pem", self.folder / "trusted.pem"
        write_certificate(self.pem)
        # As long as a real bundle: reading it anew for each image is a part of what img2dataset costs.
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + self.pem.read_bytes())
        self.peers: dict[str, Path] = {}
        for name in () if options.no_peer else peer.NEEDED:
            if python := peer.environment(name, self.folder / name, options.peer_python):
                self.peers[name] = python
        self.ours = {"biomill" if name == "pillow" else f"biomill, {name}": name for name in resamplers()}

    def once(self, who: str, urls: list[str], size: Size) -> Spent:
        """Run one of them over some URLs, into an empty folder."""
        mine = who in self.ours
        listing, out = self.folder / ("urls.csv" if mine else "urls.txt"), self.folder / f"out-{who.split(',')[0]}"
        listing.write_text("\n".join(["url", *urls] if mine else urls) + "\n")
        shutil.rmtree(out, ignore_errors=True)
        if mine:
            command = our_command(listing, out, urlsplit(urls[0]).netloc, size, self.options, self.ours[who])
        elif who == "threads":
            command = peer.threads_command(self.peers[who], listing, out, size.rule, size.side, self.options.quality)
        else:
            quality, processes = self.options.quality, self.options.processes
            command = peer.command(self.peers[who], listing, out, size.rule, size.side, quality, processes)
        spent = run_metered(command, environment(self.bundle), self.folder / f"{who}.log")
        arrived = count_arrived(who, out)
        if arrived != len(urls):
            print(f"   {who}: {arrived} of {len(urls)} images arrived, see {self.folder / who}.log", flush=True)
        return spent

    def costs(self, urls: list[str], size: Size) -> dict[str, Cost]:
        """Measure all in turn."""
        runs: dict[str, list[Cost]] = {}
        for _ in range(self.options.repeats):
            for who in (*self.peers, *self.ours):
                first = urls[: _FIRST * self.options.processes]
                start = self.once(who, first, size)
                spent = self.once(who, urls, size)
                steady = (spent.cpu - start.cpu) / (len(urls) - len(first)) * 1000
                cost = Cost(spent.cpu / len(urls) * 1000, steady, len(urls) / spent.wall, spent.rss_mb)
                runs.setdefault(who, []).append(cost)
        return {
            who: Cost(*(median(getattr(cost, name) for cost in costs) for name in Cost.__slots__))
            for who, costs in runs.items()
        }

    def floors(self, files: list[Path], size: Size) -> dict[str, float]:
        """Return CPU ms per image of decode + reduce + encode, in as many processes at once as the runs have."""
        pythons = {
            "pillow": sys.executable,
            **({"cv2": str(self.peers["img2dataset"])} if "img2dataset" in self.peers else {}),
        }
        if self.options.pillow_simd:
            pythons["pillow-simd"] = self.options.pillow_simd
        found = {}
        for library, python in pythons.items():
            running = []
            for number in range(self.options.processes):
                command = [python, ROOT / "tests/performance/fetching/floor.py", library.split("-")[0], size.rule]
                command += [size.side, self.options.quality, *files[number :: self.options.processes]]
                running.append(subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE))
            found[library] = sum(float(process.communicate()[0]) for process in running) / len(running)
        return found

    def corpus(self, name: str, count: int, megapixels: float, schemes: list[str], sizes: list[Size]) -> None:
        """Measure one corpus and print its lines."""
        files = write_corpus(self.folder / name, count, megapixels)
        weight = sum(file.stat().st_size for file in files) / len(files)
        with served(self.folder / name, self.pem) as ports:
            for size in sizes:
                print(f"\n{count} JPEGs of {megapixels:g} megapixels, {weight / 1000:.0f} kB on average", end=" -> ")
                print(f"{size.rule} side {size.side}, quality {self.options.quality}", flush=True)
                for line in pixel_lines(files[: self.options.pixels], size.rule, size.side, self.options.quality):
                    print(f"bytes  {line}", flush=True)
                for scheme in schemes:
                    before = self.floors(files, size)
                    urls = [f"{scheme}://127.0.0.1:{ports[scheme]}/{file.name}" for file in files]
                    costs, after = self.costs(urls, size), self.floors(files, size)
                    self.report(scheme, costs, {name: (before[name] + after[name]) / 2 for name in before})

    def report(self, scheme: str, costs: dict[str, Cost], floors: dict[str, float]) -> None:
        """Print the costs and their ratios."""
        for library, floor in floors.items():
            print(f"{scheme:5}  floor, {library:17} {floor:7.2f} ms CPU per image")
        for who, cost in costs.items():
            print(f"{scheme:5}  {who:24} {cost.steady:7.2f} ms CPU per image, {cost.whole:.2f} with start-up", end="; ")
            print(f"{cost.rate:.1f} images/s; peak {cost.rss_mb:.0f} MB")
        for who in self.ours:
            mine = costs[who]
            for other in self.peers:
                theirs = costs[other]
                print(f"{scheme:5}  {who} / {other}: CPU {mine.steady / theirs.steady:.2f}", end=", ")
                print(f"with start-up {mine.whole / theirs.whole:.2f}, memory {mine.rss_mb / theirs.rss_mb:.2f}")
            ratios = ", ".join(f"{library} {mine.steady / floor:.2f}" for library, floor in floors.items())
            print(f"{scheme:5}  {who} / floor: {ratios}")
        sys.stdout.flush()


def count_arrived(who: str, out: Path) -> int:
    """Count the images that a run stored, from its own Parquet where it writes one."""
    import pyarrow.parquet as pq

    if who == "threads":
        return len(list(out.glob("*.jpg")))
    column, word = ("outcome", "stored") if who.startswith("biomill") else ("status", "success")
    return sum(pq.read_table(file).column(column).to_pylist().count(word) for file in sorted(out.glob("*.parquet")))


def print_losses(folders: list[Path], corpus: list[Path]) -> None:
    """Print what scaled decoding costs in quality."""
    found = (path for folder in folders for path in folder.rglob("*"))
    photographs = sorted(path for path in found if path.suffix.lower() in (".jpg", ".jpeg"))
    print("\nscaled decoding against reducing all pixels, both before the final JPEG (PSNR)")
    for name, paths in (("photographs", photographs), ("procedural", corpus[:40])):
        for loss in losses(paths, (48, 72, 128, 256, 512, 720)):
            print(f"{name:12} decoded at 1/{loss.scale}: {loss.images} images,", end=" ")
            print(f"median {loss.middle:.1f} dB, lowest {loss.lowest:.1f} dB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--images", type=int, default=2000, help="JPEGs of one megapixel")
    parser.add_argument("--large", type=int, default=150, help="JPEGs of eight megapixels; 0 for none")
    parser.add_argument("--sizes", nargs="+", type=Size.parse, default=[Size("shortest", 256), Size("longest", 720)])
    parser.add_argument("--quality", type=int, default=90)
    parser.add_argument("--processes", type=int, default=2, help="of either")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--schemes", nargs="+", default=["https", "http"])
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "bench-fetch", help="corpus, peer and output")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python up to 3.12 for img2dataset")
    parser.add_argument("--no-peer", action="store_true", help="measure Biomill and the floor only")
    parser.add_argument("--pillow-simd", help="a Python with Pillow-SIMD, for one more floor")
    parser.add_argument(
        "--pixels", type=int, default=60, help="JPEGs of which decode, hashes and encode are timed alone"
    )
    parser.add_argument("--photographs", type=Path, nargs="*", default=[p for p in PHOTOGRAPHS if p.is_dir()])
    options = parser.parse_args()
    bench = Bench(options)
    bench.corpus("one-megapixel", options.images, 1.0, options.schemes, options.sizes)
    if options.large:
        bench.corpus("eight-megapixel", options.large, 8.0, options.schemes[-1:], options.sizes)
        print_losses(options.photographs, write_corpus(bench.folder / "eight-megapixel", options.large, 8.0))


if __name__ == "__main__":
    main()
