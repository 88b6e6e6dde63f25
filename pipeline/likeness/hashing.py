"""From a set of images to a hash list: the rows by which images are compared, exactly as a run hashes its own."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

import dedup
from dedup import HASH_LIST_SCHEMA, HASH_SPEC, hash_image, pdq_variants, phash_variants, thumbnails
from manifests import ImageRules
from pipeline.likeness.sets import Picture, is_image_set, pictures
from pipeline.media import Processed, stored_picture
from pipeline.model.outcomes import Outcome

MAX_PIXELS = 100_000_000
THUMBNAIL = 64
HASHED_SCHEMA = pa.schema(
    [
        *HASH_LIST_SCHEMA,
        pa.field("width", pa.int32()),  # as the file states it, before any EXIF orientation
        pa.field("height", pa.int32()),
        pa.field("bytes", pa.int64()),
        pa.field("colours", pa.string()),  # many, few or grey
        pa.field("thumbnail", pa.binary(THUMBNAIL * THUMBNAIL)),  # luma, row by row from the top left
    ]
)
"""A hash list with what the comparison of two images needs beside their hashes."""
_BATCH = 4096


def hash_row(
    benchmark: str, picture: Picture, rules: ImageRules, max_pixels: int = MAX_PIXELS, turned: bool = True
) -> dict[str, Any]:
    """Return the HASHED_SCHEMA row of one image; one that cannot be read has an outcome in place of hashes.

    `rules`: how the pipeline would reduce it (its `min_side` is not asked: small images can be leaked too). `turned`:
    all eight variants of the hashes, which only held-out images need.
    """
    row: dict[str, Any] = {"benchmark": benchmark, "item": picture.name, "spec": HASH_SPEC}
    if picture.outcome is not None:
        return row | {"outcome": picture.outcome.code}
    row["sha256"] = hashlib.sha256(picture.data).hexdigest()
    found = stored_picture(picture.data, dataclasses.replace(rules, min_side=1), max_pixels)
    if isinstance(found, Processed):
        return row | {"outcome": (found.outcome or Outcome.CORRUPT).code}
    raster, colours = found
    with Image.open(io.BytesIO(picture.data)) as opened:
        width, height = opened.size
    hashes = hash_image(raster)
    block = thumbnails([hashes.thumbnail])
    pdq = pdq_variants(block)[0] if turned else [np.frombuffer(hashes.pdq, np.uint8)]
    phash = [p.tobytes().hex() for p in phash_variants(block)[0]] if turned else [f"{hashes.phash:016x}"]
    return row | {
        "pixel_sha256": hashes.pixel_sha256,
        "pdq": " ".join(variant.tobytes().hex() for variant in pdq),
        "quality": hashes.quality,
        "phash": " ".join(phash),
        "width": width,
        "height": height,
        "bytes": len(picture.data),
        "colours": colours,
        "thumbnail": hashes.thumbnail,
    }


def hash_set(
    paths: Sequence[Path], benchmark: str = "", rules: ImageRules | None = None, turned: bool = True, threads: int = 2
) -> pa.Table:
    """Hash every image of some folders, tars, zips or files, or read the hash list that the path is.

    Gives HASHED_SCHEMA rows in the order of `pictures`; a list's rows have no sizes and no thumbnails. Memory: some
    5 KB per image. Errors: those of `pictures` and of `read_hash_list`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.radial_gradient("L").save(Path(folder, "a.png"))
    ...     _ = Path(folder, "b.jpg").write_bytes(b"no picture")
    ...     hash_set([Path(folder)]).select(["item", "quality", "outcome"]).to_pylist()
    [{'item': 'a.png', 'quality': 77, 'outcome': None}, {'item': 'b.jpg', 'quality': None, 'outcome': 'not_an_image'}]
    """
    given = rules or ImageRules()
    lists = [path for path in paths if not is_image_set(path)]
    images = [path for path in paths if is_image_set(path)]
    tables = []
    for path in lists:
        table = dedup.read_hash_list(path)  # whose module, with Arrow's compute functions, is loaded for lists alone
        if benchmark:
            table = table.set_column(0, HASH_LIST_SCHEMA.field(0), pa.array([benchmark] * table.num_rows, pa.string()))
        tables.append(_widened(table))
    rows: list[dict[str, Any]] = []
    if images:
        name = benchmark or images[0].stem

        def work(picture: Picture) -> dict[str, Any]:
            return hash_row(name, picture, given, turned=turned)

        for row in ordered(work, pictures(images), threads):
            rows.append(row)
            if len(rows) >= _BATCH:
                tables.append(pa.Table.from_pylist(rows, HASHED_SCHEMA))
                rows = []
    return pa.concat_tables([*tables, pa.Table.from_pylist(rows, HASHED_SCHEMA)])


def ordered(
    work: Callable[[Picture], dict[str, Any]], items: Iterable[Picture], threads: int
) -> Iterator[dict[str, Any]]:
    """Yield the results of `work` in the items' order; decoding leaves the interpreter's lock, so threads help."""
    if threads <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[dict[str, Any]]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _widened(table: pa.Table) -> pa.Table:
    for field in HASHED_SCHEMA:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(HASHED_SCHEMA.names).cast(HASHED_SCHEMA)
