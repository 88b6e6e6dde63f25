"""What makes a decoded raster smaller: Pillow, or `cykooz-resizer` where a recipe names it.

Each gives other pixels, so the choice is part of a recipe's `image` section and of every digest that covers it; the
versions of the libraries stand in a run's manifest.

Pillow reduces with its Hamming filter: antialiased, as sharp as bicubic when reducing, at bilinear's cost.
`cykooz-resizer` (Rust, the extra `fast`) reduces with Catmull-Rom's bicubic filter, antialiased too, in a fifth of that
time; its integer arithmetic gives the same pixels with and without SSE and AVX.
"""

from __future__ import annotations

import threading
from importlib.metadata import version

from PIL import Image, features

from manifests.checks import CYKOOZ

_PILLOW_FILTER = Image.Resampling.HAMMING
GAP = 2.0
"""Times the target that a raster keeps when means of whole pixels go first, as they do from twice that size on."""
_local = threading.local()  # a resizer keeps its buffers from call to call

Region = tuple[float, float, float, float]
"""Left, upper, right and lower edge in pixels of the raster."""


def library_versions(name: str) -> dict[str, str]:
    """Return the versions of the libraries that decide the stored pixels and bytes, by their names.

    >>> sorted(library_versions("pillow"))
    ['libjpeg', 'pillow']
    """
    found = {"pillow": version("pillow"), "libjpeg": str(features.version("libjpeg_turbo") or features.version("jpg"))}
    return found | ({CYKOOZ: version(CYKOOZ)} if name == CYKOOZ else {})


def reduced(raster: Image.Image, size: tuple[int, int], name: str, region: Region | None = None) -> Image.Image:
    """Return the raster (mode L, RGB, CMYK or RGBX), or a region of it, in another size (width, height).

    The mode stays, or RGBX becomes RGB.

    >>> reduced(Image.new("RGB", (640, 480), "olive"), (320, 240), "pillow").size
    (320, 240)
    """
    if name == CYKOOZ:
        return _by_cykooz(raster, size, region)
    return raster.resize(size, _PILLOW_FILTER, box=region, reducing_gap=GAP)


def _by_cykooz(raster: Image.Image, size: tuple[int, int], region: Region | None) -> Image.Image:
    import cykooz_resizer as cykooz

    if raster.mode not in ("L", "RGB", "CMYK"):
        raster = raster.convert("RGB")
    if not hasattr(_local, "resizer"):
        _local.resizer = cykooz.Resizer()
    options = cykooz.ResizeOptions(resize_alg=cykooz.ResizeAlg.convolution(cykooz.FilterType.catmull_rom))
    if region is not None:
        left, upper, right, lower = region
        options.crop_box = cykooz.CropBox(left, upper, right - left, lower - upper)
    small = Image.new(raster.mode, size)
    _local.resizer.resize_pil(raster, small, options)
    return small
