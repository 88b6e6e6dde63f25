"""The floor: read a file, decode it whole, reduce it, encode it; nothing else, in one process.

    python floor.py cv2|pillow longest|shortest SIDE QUALITY FILE...        prints CPU milliseconds per image

Runs by path in any environment that has the library, so it imports nothing of the repository.
"""

import io
import sys
import time
from collections.abc import Callable


def with_cv2(path: str, bound: Callable[..., int], side: int, quality: int) -> None:
    """What img2dataset does with an image, without img2dataset."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    height, width = image.shape[:2]
    scale = min(1.0, side / bound(width, height))
    image = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def with_pillow(path: str, bound: Callable[..., int], side: int, quality: int) -> None:
    """The codec calls of Biomill, on the whole raster."""
    with open(path, "rb") as file:  # noqa: PTH123
        image = Image.open(io.BytesIO(file.read()))
    width, height = image.size
    scale = min(1.0, side / bound(width, height))
    small = image.resize((round(width * scale), round(height * scale)), Image.Resampling.HAMMING)
    small.save(io.BytesIO(), "JPEG", quality=quality, subsampling="4:2:0")


if __name__ == "__main__":
    library, side, quality, files = sys.argv[1], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    bound = max if sys.argv[2] == "longest" else min
    if library == "cv2":
        import cv2
        import numpy as np

        cv2.setNumThreads(1)
        work = with_cv2
    else:
        from PIL import Image

        work = with_pillow
    work(files[0], bound, side, quality)
    started = time.process_time()
    for file in files:
        work(file, bound, side, quality)
    print((time.process_time() - started) / len(files) * 1000)
