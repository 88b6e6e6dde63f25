"""Decode the largest pictures that the default caps allow, each in a process of its own; print memory and CPU time.

usage: python -m tests.conformance.decode_memory [NAME...]
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 9_990


def scene(mode: str, side: int = SIDE) -> Image.Image:
    tile = np.random.default_rng(5).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    small = Image.fromarray(tile).resize((side // 30, side // 30), Image.Resampling.BICUBIC)
    image = small.resize((side, side), Image.Resampling.NEAREST)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if mode == "F":
        return image.convert("L").convert("F")
    if mode == "P":
        return small.quantize(64).resize((side, side), Image.Resampling.NEAREST)
    if mode.endswith("A"):
        image.putalpha(image.getchannel(0))
        return image.convert(mode)
    return image.convert(mode)


def saved(kind: str, mode: str, side: int = SIDE, **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        out = io.BytesIO()
        scene(mode, side).save(out, kind, **options)
        return out.getvalue()

    return make


def png16(colour: int, samples: int, side: int = SIDE) -> Callable[[], bytes]:
    def make() -> bytes:
        from tests.conformance.bad_bodies import png_rows

        tile = np.random.default_rng(5).integers(0, 65_536, 100 * samples, dtype=np.uint16)
        row = np.resize(tile, side * samples).astype(">u2").tobytes()
        return png_rows(side, side, 16, colour, (b"\0" + row for _ in range(side)))

    return make


CASES: dict[str, Callable[[], bytes]] = {
    "jpeg 4:2:0": saved("JPEG", "RGB"),
    "jpeg 4:4:4": saved("JPEG", "RGB", subsampling="4:4:4"),
    "jpeg progressive 4:2:0": saved("JPEG", "RGB", progressive=True),
    "jpeg progressive 4:4:4": saved("JPEG", "RGB", progressive=True, subsampling="4:4:4"),
    "jpeg cmyk": saved("JPEG", "CMYK"),
    "jpeg grey": saved("JPEG", "L"),
    "png rgb": saved("PNG", "RGB", compress_level=1),
    "png rgba": saved("PNG", "RGBA", compress_level=1),
    "png grey alpha": saved("PNG", "LA", compress_level=1),
    "png palette": saved("PNG", "P", compress_level=1, transparency=3),
    "png bilevel": saved("PNG", "1", compress_level=1),
    "png rgba16": png16(6, 4),
    "png rgb16": png16(2, 3),
    "png grey16": saved("PNG", "I;16", compress_level=1),
    "webp": saved("WEBP", "RGB", quality=50, method=0),
    "webp 43 MP": saved("WEBP", "RGB", 6550, quality=50, method=0),
    "webp lossless 43 MP": saved("WEBP", "RGBA", 6550, lossless=True, quality=0, method=0),
    "gif": saved("GIF", "P"),
    "tiff lzw": saved("TIFF", "RGB", compression="tiff_lzw"),
    "tiff rgba": saved("TIFF", "RGBA", compression="tiff_lzw"),
    "tiff grey16": saved("TIFF", "I;16", compression="tiff_lzw"),
    "tiff float": saved("TIFF", "F", compression="tiff_adobe_deflate"),
    "tiff cmyk": saved("TIFF", "CMYK", compression="tiff_lzw"),
    "bmp 16 MP": saved("BMP", "RGB", 4000),
    "avif": saved("AVIF", "RGB", quality=50, speed=10),
    "avif 43 MP": saved("AVIF", "RGB", 6550, quality=50, speed=10),
}
_CHILD = """
import sys, time
from pathlib import Path
from manifests.recipe import ImageRules
from pipeline.media import Box, process
data, rules, whole = Path(sys.argv[1]).read_bytes(), ImageRules(), sys.argv[2] == "whole"
process(Path(sys.argv[3]).read_bytes(), [None], rules, 10**8)
def status(name):
    return int(next(l for l in open("/proc/self/status") if l.startswith(name)).split()[1]) / 1e6
before, start = status("VmRSS"), time.process_time()
answer = process(data, [None if whole else Box(100, 100, 9000, 9000)], rules, 10**8)[0]
ends = answer.outcome.code if answer.outcome else "stored"
print(f"{ends:16} {status('VmHWM') - before:.2f} GB more, {time.process_time() - start:5.1f} CPU s  {answer.detail}")
"""


def main() -> None:
    chosen = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        file, small = Path(folder) / "image", Path(folder) / "small"
        small.write_bytes(saved("JPEG", "RGB", 200)())
        for name in chosen:
            file.write_bytes(CASES[name]())
            for part in ("whole", "box"):
                done = subprocess.run(
                    [sys.executable, "-c", _CHILD, file, part, small], capture_output=True, text=True, check=False
                )
                size = file.stat().st_size
                print(
                    f"{name:24} {part:5} {size / 1e6:6.1f} MB  {done.stdout.strip() or done.stderr[-200:]}", flush=True
                )


if __name__ == "__main__":
    main()
