"""Biomill as it fetches: a plain list of URLs in, stored images and a Parquet row per URL out.

    python -m tests.benchmarks.fetching.mill URLS.txt FOLDER --side 720 --processes 2

Does for each URL all that the fetch stage does: guards, request, SHA-256 of the bytes, decode, reduce, hashes, encode,
and one Parquet row. URLs are dealt to processes in units, as lanes deal them; each process keeps its share of a host.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from manifests.recipe import FetchRules, ImageRules

if TYPE_CHECKING:
    from pipeline.media import Fetcher

TEXT = ("address", "outcome", "detail", "final_url", "content_type", "sha256", "format", "phash", "pixel_sha256")
NUMBERS = ("status", "attempts", "bytes", "source_width", "source_height", "width", "height", "quality")
PLACE = ("offset", "length")


def lane(urls: list[str], folder: Path, name: str, fetch: FetchRules, image: ImageRules, share: float) -> None:
    """Work off one process's URLs, unit by unit."""
    from pipeline.media import Fetcher  # the parent only waits, and needs none of it

    with Fetcher(fetch, share=share) as fetcher:
        for start in range(0, len(urls), fetch.unit_size):
            unit(urls[start : start + fetch.unit_size], folder / f"{name}-{start:06d}", fetcher, image)


def unit(urls: list[str], path: Path, fetcher: Fetcher, image: ImageRules) -> None:
    """Fetch and store one unit: PATH.bin with the images, PATH.parquet with a row per URL."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipeline.media import process

    columns = [(name, pa.string()) for name in TEXT] + [(name, pa.int64()) for name in (*NUMBERS, *PLACE)]
    schema = pa.schema([*columns, ("pdq", pa.binary(32))])
    rows, offset = [], 0
    with path.with_suffix(".bin").open("wb") as blob:
        for url, fetched in zip(urls, fetcher.fetch_all(urls), strict=True):
            row = {
                "address": url,
                "outcome": fetched.outcome and fetched.outcome.code,
                "detail": fetched.detail,
                "final_url": fetched.final_url,
                "content_type": fetched.content_type,
                "status": fetched.status,
                "attempts": fetched.attempts,
            }
            if fetched.ok:
                (stored,) = process(fetched.data, [None], image, fetcher.rules.max_pixels)
                row |= {
                    "outcome": stored.outcome and stored.outcome.code,
                    "detail": stored.detail,
                    "bytes": len(fetched.data),
                    "sha256": hashlib.sha256(fetched.data).hexdigest(),
                    "format": stored.format,
                    "source_width": stored.source_width,
                    "source_height": stored.source_height,
                    "width": stored.width,
                    "height": stored.height,
                    "phash": f"{stored.phash:016x}",
                    "pdq": stored.pdq or None,
                    "quality": stored.quality,
                    "pixel_sha256": stored.pixel_sha256,
                    "offset": offset,
                    "length": len(stored.jpeg),
                }
                offset += blob.write(stored.jpeg)
            rows.append(row)
    pq.write_table(pa.Table.from_pylist(rows, schema), path.with_suffix(".parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("urls", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=720)
    parser.add_argument("--rule", default="longest")
    parser.add_argument("--quality", type=int, default=90)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    urls = options.urls.read_text().split()
    options.folder.mkdir(parents=True, exist_ok=True)
    fetch = FetchRules(
        contact="bench@example.org",
        allow_private=tuple(sorted({urlsplit(url).netloc for url in urls})),
        per_host_rate=1e6,
        per_host_connections=options.connections,
    )
    image = ImageRules(side=options.side, rule=options.rule, quality=options.quality)
    count = min(options.processes, len(urls))
    shares = [(urls[number::count], options.folder, str(number), fetch, image, 1 / count) for number in range(count)]
    if count == 1:
        lane(*shares[0])
        return
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.starmap(lane, shares, chunksize=1)
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
