"""The shortest program that fetches, reduces and hashes: threads, urllib3, simplejpeg, OpenCV, and the same hashes.

    python threads.py URLS FOLDER longest|shortest SIDE QUALITY

It asks for no robots.txt, keeps no limits and no journal, guards against nothing, and knows neither EXIF nor profiles.
Runs by path in its own environment; of the repository it uses `dedup.hash_image` alone.
"""

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import urllib3
from PIL import Image

from dedup import hash_image

THREADS = 16


def main() -> None:
    listing, folder, rule, side, quality = sys.argv[1], Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:6])
    bound = max if rule == "longest" else min
    folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    client = urllib3.PoolManager(maxsize=THREADS)

    def work(job: tuple[int, str]) -> dict[str, str | int]:
        number, url = job
        data = client.request("GET", url).data
        height, width = map(int, simplejpeg.decode_jpeg_header(data)[:2])
        scale = min(1.0, side / bound(width, height))
        size = round(width * scale), round(height * scale)
        # As Biomill does: a half, a quarter or an eighth that leaves one and a half times the size.
        least = (1.5 * size[0], 1.5 * size[1])
        part = max([part for part in (1, 2, 4, 8) if width // part >= least[0] and height // part >= least[1]] or [1])
        raster = simplejpeg.decode_jpeg(data, min_width=width // part, min_height=height // part)
        small = np.ascontiguousarray(cv2.resize(raster, size, interpolation=cv2.INTER_AREA))
        (folder / f"{number:06d}.jpg").write_bytes(simplejpeg.encode_jpeg(small, quality, colorsubsampling="420"))
        hashes = hash_image(Image.fromarray(small))
        row: dict[str, str | int] = {"url": url, "sha256": hashlib.sha256(data).hexdigest(), "phash": hashes.phash}
        return row | {"pdq": hashes.pdq.hex(), "quality": hashes.quality, "pixel_sha256": hashes.pixel_sha256}

    with ThreadPoolExecutor(THREADS) as pool:
        rows = list(pool.map(work, enumerate(Path(listing).read_text().split())))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
