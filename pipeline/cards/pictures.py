"""The pictures of a report: kept images of the commonest taxa, duplicates beside what stayed, leaks, placeholders.

Which are shown follows from counts and ids alone. Bytes are those that were stored; large ones are left out, so that
the report stays small.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import duckdb
from PIL import Image

from dedup import DIHEDRAL, hash_image, residuals, thumbnails, turned
from pipeline.catalog.build import rooted
from pipeline.storage.places import Place, read_stretch
from pipeline.storage.statements import Statements

TAXA, PAIRS, LEAKS, PLACEHOLDERS = 24, 12, 12, 12
"""How many pictures of each kind a report holds."""
_SQL = Statements(__name__)
_LARGEST = 100_000
_SHOWN = 256
"""Longer side of a thumbnail, in pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with what is written under it; `data` is a data: URL."""

    data: str
    caption: str
    note: str


def taxa_pictures(con: duckdb.DuckDBPyConnection, root: Place) -> list[Picture]:
    """Return one kept image of each of the commonest accepted taxa."""
    rows = con.execute(rooted(_SQL("taxa", most=TAXA), root, con)).fetchall()
    found = []
    for shard, offset, length, digest, name, images in rows:
        data = _read(root / "shards" / shard, offset, length)
        if data is not None and hashlib.sha256(data).hexdigest() == digest:
            found.append(Picture(_url(data), name, f"{images:,} images"))
    return found


def duplicate_pairs(con: duckdb.DuckDBPyConnection, root: Place) -> list[tuple[Picture, Picture]]:
    """Return pairs of a dropped near-duplicate and the image that stayed, the farthest apart first."""
    rows = con.execute(
        rooted(_SQL("duplicates", stored=_SQL("stored", wanted=_SQL("duplicates_wanted")), most=PAIRS), root, con)
    ).fetchall()
    found = []
    for dropped, source, unit, at, size, kept, other, kept_unit, kept_at, kept_size, distance, left in rows:
        one, two = _blob(root, unit, at, size), _blob(root, kept_unit, kept_at, kept_size)
        if one and two:
            near = f"near_duplicate: distance {distance}, residual {left or 0:.1f}"
            found.append((Picture(one, f"{source} {dropped[:8]}", near), Picture(two, f"{other} {kept[:8]}", "kept")))
    return found


def leak_pairs(con: duckdb.DuckDBPyConnection, root: Place) -> list[tuple[Picture, Picture | None]]:
    """Return dropped images and the held-out ones that they would have leaked, the farthest apart first.

    Held-out images are shown by their thumbnails, the only picture of them that a run keeps; None where there is none.
    """
    rows = con.execute(
        rooted(_SQL("leaks", stored=_SQL("stored", wanted=_SQL("leaks_wanted")), most=LEAKS), root, con)
    ).fetchall()
    found = []
    for record, source, outcome, benchmark, item, rule, distance, variant, unit, at, size, thumbnail in rows:
        data = _stored(root, unit, at, size)
        if data:
            said = [rule if distance is None else f"{rule}, distance {distance}"]
            if thumbnail and rule == "hamming":
                said.append(f"residual {_residual(data, thumbnail, variant):.1f}")
            if variant:
                said.append(f"turned: {DIHEDRAL[variant].replace('_', ' ')}")
            dropped = Picture(_url(data), f"{source} {record[:8]}", outcome)
            held = Picture(_url(_jpeg(thumbnail)), f"{benchmark}: {item}", ", ".join(said)) if thumbnail else None
            found.append((dropped, held))
    return found


def placeholder_pictures(con: duckdb.DuckDBPyConnection, root: Place) -> list[Picture]:
    """Return the pictures that hosts gave in the place of others, those of most images first."""
    rows = con.execute(rooted(_SQL("placeholders", most=PLACEHOLDERS), root, con)).fetchall()
    found = []
    for host, images, taxa, genera, sentence, item, unit, at, size in rows:
        more = ", ..." if genera > len(taxa) else ""
        named = f"; asked for: {', '.join(taxa)}{more}" if taxa else ""
        named += f"; like the held-out {item}" if item else ""
        data = _thumbnail(root / "fetch" / "blobs" / f"{unit}.bin", at, size)
        found.append(Picture(data, f"{host}: {images:,} images", f"{sentence}{named}"))
    return found


def _thumbnail(path: Place, offset: int, length: int) -> str:
    """Return a stored image at the size that a report shows; empty where the file is gone, as blobs may be."""
    data = read_stretch(path, offset, length)
    if data is None:
        return ""
    picture = Image.open(BytesIO(data)).convert("RGB")
    picture.thumbnail((_SHOWN, _SHOWN))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return _url(buffer.getvalue())


def _residual(data: bytes, thumbnail: bytes, variant: int | None) -> float:
    raster = Image.open(BytesIO(data)).convert("RGB")
    held = turned(thumbnails([thumbnail]), [variant or 0])
    return float(residuals(thumbnails([hash_image(raster).thumbnail]), held)[0])


def _jpeg(thumbnail: bytes) -> bytes:
    buffer = BytesIO()
    Image.frombytes("L", (64, 64), thumbnail).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def bars(rows: Sequence[tuple[str, str, int, float, str]]) -> Iterator[dict[str, object]]:
    """Yield the funnel's rows with the width of each bar in percent of the longest."""
    longest = max((row[2] for row in rows), default=1)
    for stage, outcome, number, percent, meaning in rows:
        width = round(100 * number / longest, 2)
        yield {
            "stage": stage,
            "outcome": outcome,
            "rows": number,
            "percent": percent,
            "meaning": meaning,
            "width": width,
        }


def _blob(root: Place, unit: str | None, at: int | None, size: int | None) -> str:
    data = _stored(root, unit, at, size)
    return _url(data) if data else ""


def _stored(root: Place, unit: str | None, at: int | None, size: int | None) -> bytes | None:
    if unit is None or at is None or size is None:
        return None
    return _read(root / "fetch" / "blobs" / f"{unit}.bin", at, size)


def _read(path: Place, offset: int, length: int) -> bytes | None:
    """Return bytes of a file; None when they are too many for a report, or the file is gone, as blobs may be."""
    return None if length > _LARGEST else read_stretch(path, offset, length)


def _url(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
