"""Drawing: one individual in its own pose before its own ground, or several in one wide frame.

A drawing is a function of the look, a key and a size. Pose, scale, mirroring, lighting and textures come from the key;
the look decides the rest. Rasters are RGB; boxes are (x, y, width, height) in pixels, origin at the top left.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from pipeline.demo.look import Look
from pipeline.demo.texture import noise_field, tinted

Box = tuple[int, int, int, int]
_COAT_OCTAVES = ((3, 34), (7, 40), (13, 34))
_SMOOTH = 2  # masks are drawn this much larger and reduced, which gives soft edges


@dataclass(frozen=True, slots=True)
class Pose:
    """How one individual stands: centre and radius in pixels, turn in radians, and whether it is mirrored."""

    x: float
    y: float
    radius: float
    turn: float
    mirrored: bool


def draw_picture(look: Look, key: str, size: tuple[int, int], scale: float = 1.0) -> Image.Image:
    """Draw one individual that fills most of a picture of `size` (width, height); `scale` makes it smaller or larger.

    >>> from pipeline.demo.look import looks
    >>> look = looks({"a": ("K", "P", "C", "O", "F", "G", "G a")})["a"]
    >>> draw_picture(look, "one", (64, 48)).size
    (64, 48)
    """
    chance = random.Random(key)
    width, height = size
    shorter = min(size)
    pose = Pose(
        x=width * (0.42 + 0.16 * chance.random()),
        y=height * (0.42 + 0.16 * chance.random()),
        radius=shorter * (0.24 + 0.07 * chance.random()) * scale,
        turn=math.radians(-50 + 100 * chance.random()),
        mirrored=chance.random() < 0.5,
    )
    canvas = _ground([look], key, size)
    _paint(canvas, look, f"{key}|body", pose)
    return Image.fromarray(canvas)


def draw_frame(present: Sequence[Look], key: str, size: tuple[int, int]) -> tuple[Image.Image, list[Box]]:
    """Draw up to four individuals, each in its own quarter of a wide frame, and give their boxes in the same order.

    >>> from pipeline.demo.look import looks
    >>> look = looks({"a": ("K", "P", "C", "O", "F", "G", "G a")})["a"]
    >>> frame, boxes = draw_frame([look, look], "one", (160, 120))
    >>> len(boxes), all(x >= 0 and y >= 0 and x + w <= 160 and y + h <= 120 for x, y, w, h in boxes)
    (2, True)
    """
    chance = random.Random(key)
    width, height = size
    canvas = _ground(present[:1], key, size)
    quarters = chance.sample(range(4), len(present))
    boxes = []
    for number, (look, quarter) in enumerate(zip(present, quarters, strict=True)):
        # The farthest part of any body, and the margin of its box, stay inside the quarter.
        reach = min(size) * (0.16 + 0.04 * chance.random())
        pose = Pose(
            x=width * (0.25 + 0.5 * (quarter % 2) + 0.02 * (chance.random() - 0.5)),
            y=height * (0.25 + 0.5 * (quarter // 2) + 0.02 * (chance.random() - 0.5)),
            radius=reach / max(1.3, 1.2 * look.body.length),
            turn=2 * math.pi * chance.random(),
            mirrored=chance.random() < 0.5,
        )
        tight = _paint(canvas, look, f"{key}|body{number}", pose)
        boxes.append(_loosened(tight, [chance.randrange(2, 12) for _ in range(4)], size))
    return Image.fromarray(canvas), boxes


def jpeg(image: Image.Image, quality: int = 88, comment: bytes = b"") -> bytes:
    """Encode as baseline JPEG; a comment changes the bytes and no pixel.

    >>> jpeg(Image.new("RGB", (8, 8)))[:2].hex()
    'ffd8'
    """
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, comment=comment or None)
    return buffer.getvalue()


def _ground(present: Sequence[Look], key: str, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    canvas = tinted(present[0].ground, noise_field(f"{key}|ground", size))
    # A slow second field in one channel keeps grounds of one kingdom from sharing a single colour.
    tint = noise_field(f"{key}|tint", size, ((2, 40), (5, 24)))
    channel = random.Random(f"{key}|channel").randrange(3)
    canvas[:, :, channel] = np.clip(canvas[:, :, channel].astype(np.int16) + tint, 0, 255)
    return canvas


def _paint(canvas: npt.NDArray[np.uint8], look: Look, key: str, pose: Pose) -> Box:
    """Paint one individual onto the canvas and give its bounding box, clipped to the canvas."""
    height, width = canvas.shape[:2]
    reach = pose.radius * (look.body.length * 1.15 + 0.25)
    left, top = max(0, int(pose.x - reach)), max(0, int(pose.y - reach))
    right, bottom = min(width, int(pose.x + reach) + 1), min(height, int(pose.y + reach) + 1)
    size = (right - left, bottom - top)
    limbs, body = _masks(look, pose, (left, top), size)
    u, v = _body_axes(pose, (left, top), size)

    patch = canvas[top:bottom, left:right].astype(np.int16)
    coat = _coat(look, u / np.float32(look.body.length), v)
    coat = coat + noise_field(key, size, _COAT_OCTAVES)[:, :, None]
    dark = np.asarray(look.coat, dtype=np.int16) // np.int16(3)
    for mask, colour in ((limbs, dark[None, None, :]), (body, coat)):
        weight = mask.astype(np.int16)[:, :, None]
        patch += (np.clip(colour, 0, 255) - patch) * weight // np.int16(128)
    canvas[top:bottom, left:right] = np.clip(patch, 0, 255).astype(np.uint8)

    rows, columns = np.nonzero(np.maximum(limbs, body) > 40)
    x, y = left + int(columns.min()), top + int(rows.min())
    return x, y, left + int(columns.max()) + 1 - x, top + int(rows.max()) + 1 - y


def _loosened(box: Box, margins: Sequence[int], size: tuple[int, int]) -> Box:
    """Return the box as a person draws it: wider by the margins (left, top, right, bottom), inside the frame."""
    left, top = max(0, box[0] - margins[0]), max(0, box[1] - margins[1])
    right, bottom = min(size[0], box[0] + box[2] + margins[2]), min(size[1], box[1] + box[3] + margins[3])
    return left, top, right - left, bottom - top


def _masks(
    look: Look, pose: Pose, origin: tuple[int, int], size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the masks of limbs and body, 0 to 128, in the patch at `origin`."""
    body = look.body
    cosine, sine = math.cos(pose.turn), math.sin(pose.turn)
    flip = -1.0 if pose.mirrored else 1.0

    def place(along: float, across: float) -> tuple[float, float]:
        along, across = along * pose.radius * flip, across * pose.radius
        x, y = along * cosine - across * sine, along * sine + across * cosine
        return (pose.x + x - origin[0]) * _SMOOTH, (pose.y + y - origin[1]) * _SMOOTH

    limbs = Image.new("L", (size[0] * _SMOOTH, size[1] * _SMOOTH))
    pen = ImageDraw.Draw(limbs)
    thickness = max(2, round(pose.radius * body.limb_width * _SMOOTH))
    for limb in range(body.limbs):
        angle = 2 * math.pi * (limb + 0.5) / body.limbs
        foot = place(1.1 * body.length * math.cos(angle), 1.25 * math.sin(angle))
        pen.line([place(0.0, 0.0), foot], fill=128, width=thickness)
    if body.tail:
        fan = [place(-0.7 * body.length, 0.0), place(-1.12 * body.length, 0.45), place(-1.12 * body.length, -0.45)]
        pen.polygon(fan, fill=128)

    trunk = Image.new("L", limbs.size)
    outline = []
    for step in range(72):
        angle = 2 * math.pi * step / 72
        lobe = 1.0 - body.depth * (0.5 - 0.5 * math.cos(body.lobes * angle)) if body.lobes else 1.0
        wobble = 1.0 + 0.02 * look.roughness * math.cos(11 * angle)
        outline.append(place(body.length * lobe * wobble * math.cos(angle), lobe * wobble * math.sin(angle)))
    ImageDraw.Draw(trunk).polygon(outline, fill=128)
    return np.asarray(limbs.reduce(_SMOOTH)), np.asarray(trunk.reduce(_SMOOTH))


def _body_axes(
    pose: Pose, origin: tuple[int, int], size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return each pixel's place along and across the body, in radii."""
    x = (np.arange(size[0], dtype=np.float32) + np.float32(origin[0] - pose.x)) / np.float32(pose.radius)
    y = (np.arange(size[1], dtype=np.float32) + np.float32(origin[1] - pose.y)) / np.float32(pose.radius)
    cosine, sine = np.float32(math.cos(pose.turn)), np.float32(math.sin(pose.turn))
    along = x[None, :] * cosine + y[:, None] * sine
    across = y[:, None] * cosine - x[None, :] * sine
    return (-along if pose.mirrored else along), across


def _coat(look: Look, u: npt.NDArray[np.float32], v: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Return the coat's colours: the genus' pattern in two colours, with the species' mark on top."""
    f = np.float32(look.frequency)
    radius = np.sqrt(u * u + v * v)
    if look.pattern == "stripes":
        second = (np.floor(u * f * 2).astype(np.int16) & 1) == 1
    elif look.pattern == "bands":
        second = (np.floor(v * f * 2).astype(np.int16) & 1) == 1
    elif look.pattern == "rings":
        second = (np.floor(radius * f * 2).astype(np.int16) & 1) == 1
    elif look.pattern == "checks":
        second = ((np.floor(u * f) + np.floor(v * f)).astype(np.int16) & 1) == 1
    elif look.pattern == "dots":
        du, dv = u * f - np.floor(u * f) - np.float32(0.5), v * f - np.floor(v * f) - np.float32(0.5)
        second = du * du + dv * dv < np.float32(0.1)
    else:
        second = radius > np.float32(0.75)
    coat = np.where(second[:, :, None], np.asarray(look.accent, np.int16), np.asarray(look.coat, np.int16))
    if not look.mark:
        return coat

    du = u - np.float32((0.0, 0.45, -0.45, 0.0)[look.mark_place])
    dv = v - np.float32((0.0, 0.0, 0.0, 0.3)[look.mark_place])
    away = np.sqrt(du * du + dv * dv)
    if look.mark == "disc":
        marked = away < np.float32(0.26)
    elif look.mark == "ring":
        marked = np.abs(away - np.float32(0.26)) < np.float32(0.09)
    elif look.mark == "bar":
        marked = np.abs(du) < np.float32(0.1)
    else:
        marked = (np.minimum(np.abs(du), np.abs(dv)) < np.float32(0.08)) & (away < np.float32(0.4))
    return np.where(marked[:, :, None], np.asarray(look.mark_colour, np.int16), coat)
