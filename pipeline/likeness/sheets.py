"""Evidence to look at: rows of pictures with a caption each, as one HTML page and JPEG sheets beside it.

Everything follows from the rows and the pictures, so the same input gives the same bytes. The page needs no network.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from pipeline.storage.files.atomic import atomic_path, write_text

CELL = 128
"""Side of a picture on a sheet, in pixels."""
ROWS_PER_SHEET = 40
MAX_ROWS = 2_000
"""Rows that a page shows; it says how many there are beyond."""
_GAP, _COLUMNS = 6, 8

PictureOf = Callable[[str], Image.Image | None]
"""Gives the picture of a name, or None where it cannot be shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a sheet: the names of its pictures, a caption for each, and what is said of all."""

    title: str
    pictures: tuple[tuple[str, str], ...]
    """(name, caption); more than eight are not shown."""


def write_sheets(folder: Path, name: str, title: str, rows: Sequence[Row], picture_of: PictureOf) -> list[Path]:
    """Write NAME.html and NAME-000.jpg … into the folder; give the files written.

    The rows are shown in their order. Memory: one sheet of ROWS_PER_SHEET rows.

    >>> import tempfile
    >>> row = Row("a pair", (("a.jpg", "kept"), ("b.jpg", "distance 4")))
    >>> with tempfile.TemporaryDirectory() as out:
    ...     [path.name for path in write_sheets(Path(out), "pairs", "Pairs", [row], lambda _: None)]
    ['pairs-000.jpg', 'pairs.html']
    """
    shown = rows[:MAX_ROWS]
    files, body = [], []
    for number, start in enumerate(range(0, len(shown), ROWS_PER_SHEET)):
        part = shown[start : start + ROWS_PER_SHEET]
        path = folder / f"{name}-{number:03d}.jpg"
        with atomic_path(path) as temporary:
            _sheet(part, picture_of).save(temporary, "JPEG", quality=85, optimize=False, progressive=False)
        files.append(path)
        body += [_html_row(row, path.name, place) for place, row in enumerate(part)]
    beyond = (
        f"<p>{len(rows) - len(shown):,} more rows are in the tables beside this page.</p>" if rows[MAX_ROWS:] else ""
    )
    page = folder / f"{name}.html"
    write_text(page, _PAGE.format(title=html.escape(title), count=len(rows), body="\n".join(body), beyond=beyond))
    return [*files, page]


def _sheet(rows: Sequence[Row], picture_of: PictureOf) -> Image.Image:
    """Draw one sheet: a row of pictures each, as wide as the longest."""
    columns = max(min(len(row.pictures), _COLUMNS) for row in rows)
    step = CELL + _GAP
    sheet = Image.new("RGB", (columns * step + _GAP, len(rows) * step + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for down, row in enumerate(rows):
        for across, (name, _) in enumerate(row.pictures[:_COLUMNS]):
            left, top = _GAP + across * step, _GAP + down * step
            picture = picture_of(name)
            if picture is None:
                draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), fill="#eeeeee", outline="#bbbbbb")
                draw.line((left, top, left + CELL - 1, top + CELL - 1), fill="#bbbbbb")
                continue
            small = ImageOps.contain(picture.convert("RGB"), (CELL, CELL), Image.Resampling.BICUBIC)
            sheet.paste(small, (left + (CELL - small.width) // 2, top + (CELL - small.height) // 2))
    return sheet


def _html_row(row: Row, sheet: str, place: int) -> str:
    step = CELL + _GAP
    cells = []
    for across, (name, caption) in enumerate(row.pictures[:_COLUMNS]):
        at = f"-{_GAP + across * step}px -{_GAP + place * step}px"
        cells.append(
            f'<figure><div class="p" style="background:url({sheet}) {at}"></div>'
            f"<figcaption>{html.escape(name)}<br>{html.escape(caption)}</figcaption></figure>"
        )
    more = len(row.pictures) - _COLUMNS
    if more > 0:
        cells.append(f"<figure>and {more} more</figure>")
    return f'<section><h2>{html.escape(row.title)}</h2><div class="r">{"".join(cells)}</div></section>'


def thumbnail_picture(thumbnail: bytes | None) -> Image.Image | None:
    """Return the picture of a stored 64 x 64 luma thumbnail.

    >>> thumbnail_picture(bytes(4096)).size
    (64, 64)
    """
    return None if thumbnail is None else Image.frombytes("L", (64, 64), thumbnail)


def picture_of_bytes(data: bytes) -> Image.Image | None:
    """Return the picture of a stored JPEG, which the pipeline itself wrote."""
    return Image.open(io.BytesIO(data)) if data else None


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222 }}
h2 {{ font-size: 14px; margin: 1.2em 0 .3em }} .r {{ display: flex; flex-wrap: wrap; gap: 10px }}
figure {{ margin: 0; width: 128px; overflow-wrap: anywhere; font-size: 12px }} .p {{ width: 128px; height: 128px }}
</style>
<h1>{title}</h1>
<p>{count:,} rows.</p>
{body}
{beyond}
</html>
"""
