"""The picture of a dataset card: two rows of images that were drawn without choosing."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from io import BytesIO

from PIL import Image

from pipeline.cards.sections import Pictures, Section
from pipeline.cards.sections.shots import SIDE

ACROSS, DOWN, GAP = 6, 2, 4


def sample_sheet(sections: Sequence[Section]) -> bytes:
    """Return a JPEG of the first pictures of a report's fair sample; of a run without images a grey one."""
    sheet = Image.new("RGB", (ACROSS * SIDE + (ACROSS - 1) * GAP, DOWN * SIDE + (DOWN - 1) * GAP), "#888888")
    for at, data in zip(range(ACROSS * DOWN), _pictures(sections), strict=False):
        with Image.open(BytesIO(data)) as picture:
            sheet.paste(picture, (at % ACROSS * (SIDE + GAP), at // ACROSS * (SIDE + GAP)))
    buffer = BytesIO()
    sheet.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _pictures(sections: Sequence[Section]) -> Iterator[bytes]:
    faces = next(section for section in sections if section.id == "faces")
    sheets = [part for part in faces.parts if isinstance(part, Pictures)][:1]
    for group in sheets[0].groups if sheets else ():
        for picture in group:
            if picture.data:
                yield base64.b64decode(picture.data.split(",", 1)[1])
