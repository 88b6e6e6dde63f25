"""Print what likeness finds and what it confuses: `python -m tests.conformance.robustness [--photographs DIR …]`.

Recall: every real photograph is changed in one way at a time, and the table says how often the changed copy is within
the threshold. False merges: pairs of different photographs, of one subject, of one burst, and of subjects cut from the
photographs and laid on a white sheet or before one dark camera, that a threshold takes for one picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from dedup import (
    MINIMUM_QUALITY,
    RESIDUAL_LIMIT,
    ImageHashes,
    brute_pairs,
    hash_image,
    pdq_variants,
    phash_variants,
    residuals,
    thumbnails,
    verify_pairs,
)
from manifests import ImageRules
from pipeline.media import Processed, stored_raster

SOURCES = Path(__file__).parents[2] / "../shared/data/sources"
RULES = ImageRules(side=480, min_side=1)
Change = Callable[[Image.Image], Image.Image]


def photographs(folder: Path) -> dict[str, Image.Image]:
    """Return every image of a folder that decodes, by its path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"):
            raster = stored_raster(path.read_bytes(), RULES, 100_000_000)
            if not isinstance(raster, Processed):
                found[str(path)] = raster
    return found


def jpeg(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return change


def resized(scale: float) -> Change:
    return lambda image: image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))


def cropped(share: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        x, y = image.width * share / 2, image.height * share / 2
        return image.crop((round(x), round(y), round(image.width - x), round(image.height - y)))

    return change


def cut(share: float) -> Change:
    return lambda image: image.crop((0, 0, round(image.width * (1 - share)), round(image.height * (1 - share))))


def bordered(share: float) -> Change:
    return lambda image: ImageOps.expand(image, round(image.width * share), "white")


def watermarked(image: Image.Image) -> Image.Image:
    copy = image.copy()
    text = Image.new("L", (90, 14))
    ImageDraw.Draw(text).text((0, 0), "(c) A. Photographer", fill=150)
    place = (round(image.width * 0.55), round(image.height * 0.9))
    mask = text.resize((round(image.width * 0.42), round(image.height * 0.08)))
    copy.paste((255, 255, 255), place, mask)
    return copy


def info_bar(image: Image.Image) -> Image.Image:
    copy = image.copy()
    ImageDraw.Draw(copy).rectangle((0, round(image.height * 0.94), image.width, image.height), fill=(0, 0, 0))
    return copy


CHANGES: dict[str, Change] = {
    "re-encoded, JPEG q85": jpeg(85),
    "re-encoded, JPEG q50": jpeg(50),
    "re-encoded, JPEG q20": jpeg(20),
    "resized to 1/2": resized(0.5),
    "resized to 1/4": resized(0.25),
    "resized to 2x": resized(2.0),
    "squashed to 224 x 224": lambda image: image.resize((224, 224)),
    "greyed": lambda image: image.convert("L").convert("RGB"),
    "blurred, radius 2": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "sharpened": lambda image: image.filter(ImageFilter.UnsharpMask(2, 100)),
    "saturation + 50 %": lambda image: ImageEnhance.Color(image).enhance(1.5),
    "brightness - 20 %": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "brightness + 20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "contrast + 30 %": lambda image: ImageEnhance.Contrast(image).enhance(1.3),
    "cropped by 1 %": cropped(0.01),
    "cropped by 2 %": cropped(0.02),
    "cropped by 5 %": cropped(0.05),
    "cropped by 10 %": cropped(0.10),
    "watermarked": watermarked,
    "info bar, 6 %": info_bar,
    "cut on two sides, 2 %": cut(0.02),
    "cut on two sides, 5 %": cut(0.05),
    "white border, 2 %": bordered(0.02),
    "white border, 3 %": bordered(0.03),
    "white border, 5 %": bordered(0.05),
    "mirrored": ImageOps.mirror,
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 180 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "turned by 2 degrees": lambda image: image.rotate(2, Image.Resampling.BICUBIC),
}


def packed(hashes: list[ImageHashes]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(one.pdq for one in hashes), np.uint8).reshape(-1, 32)


def recall(images: list[Image.Image]) -> Iterator[str]:
    own = [hash_image(image) for image in images]
    pdq, blocks = packed(own), thumbnails([one.thumbnail for one in own])
    every = pdq_variants(blocks)
    both = phash_variants(blocks)
    head = f"{'change':<24}{'median d':>9}{'d<=10':>8}{'+residual':>10}"
    yield head + f"{'d<=30':>8}{'8 turns':>8}{'+pair':>8}{'pHash<=6':>9}"
    for name, change in CHANGES.items():
        copies = [hash_image(change(image)) for image in images]
        between = np.bitwise_count(pdq ^ packed(copies)).sum(axis=1)
        turned = np.bitwise_count(every ^ packed(copies)[:, np.newaxis]).sum(axis=2)
        phashes = np.frombuffer(b"".join(one.phash.to_bytes(8, "big") for one in copies), np.uint8).reshape(-1, 1, 8)
        pair = ((np.bitwise_count(both ^ phashes).sum(axis=2) <= 10) & (turned <= 90)).any(axis=1)
        any_turn = turned.min(axis=1)
        left = residuals(blocks, thumbnails([one.thumbnail for one in copies]))
        phash = np.array([(a.phash ^ b.phash).bit_count() for a, b in zip(own, copies, strict=True)])
        close = (between <= 10, (between <= 10) & (left <= RESIDUAL_LIMIT), between <= 30, any_turn <= 30)
        shares = (*close, (any_turn <= 30) | pair, phash <= 6)
        widths = (8, 10, 8, 8, 8, 9)
        cells = "".join(f"{share.mean():>{width}.3f}" for share, width in zip(shares, widths, strict=True))
        yield f"{name:<24}{np.median(between):>9.0f}{cells}"


def confused(name: str, images: list[Image.Image]) -> str:
    """Return the row of a set of different pictures; the same picture twice (equal pixels) is no confusion."""
    hashes = [hash_image(image) for image in images]
    first: dict[str, ImageHashes] = {}
    for one in hashes:
        first.setdefault(one.pixel_sha256, one)
    hashes = list(first.values())
    pdq, blocks = packed(hashes), thumbnails([one.thumbnail for one in hashes])
    poor = np.array([one.quality < MINIMUM_QUALITY or bool(one.degenerate) for one in hashes])
    near = verify_pairs(brute_pairs(pdq, 60), blocks)
    informed = ~(poor[near.left] | poor[near.right])
    counts = [
        int((informed & (near.distance <= limit) & (near.residual <= most)).sum())
        for limit, most in ((10, np.inf), (10, RESIDUAL_LIMIT), (16, RESIDUAL_LIMIT), (30, np.inf))
    ]
    phash = np.array([one.phash for one in hashes], np.uint64)
    loose = int((np.triu(np.bitwise_count(phash[:, np.newaxis] ^ phash) <= 6, 1)).sum())
    total = len(hashes) * (len(hashes) - 1) // 2
    closest = near.residual[informed & (near.distance <= 10)].min(initial=np.inf)
    return (
        f"{name:<34}{total:>7}{counts[0]:>8}{counts[1]:>10}{counts[2]:>10}{counts[3]:>8}{loose:>9}"
        f"{int(poor.sum()):>6}{closest:>10.1f}"
    )


def on_a_sheet(images: list[Image.Image], subjects: list[Image.Image]) -> list[Image.Image]:
    """Lay a subject, a fifth of the side, in the middle of a background that is the same for all."""
    laid = []
    for background, subject in zip(images, subjects, strict=True):
        page = background.copy()
        small = ImageOps.fit(subject, (round(page.width * 0.2), round(page.height * 0.2)))
        mask = Image.new("L", small.size)
        ImageDraw.Draw(mask).ellipse((0, 0, *small.size), fill=255)
        page.paste(small, ((page.width - small.width) // 2, (page.height - small.height) // 2), mask)
        laid.append(page)
    return laid


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--photographs", type=Path, default=SOURCES / "images" / "commons", help="for the changes")
    parser.add_argument("--subject", type=Path, default=SOURCES / "images" / "heliconius", help="of one subject")
    parser.add_argument("--burst", type=Path, default=SOURCES / "cameratraps" / "camtrap-dp" / "media")
    options = parser.parse_args()
    for folder in (options.photographs, options.subject, options.burst):
        if not folder.is_dir():
            raise SystemExit(f"{folder} is not a folder of photographs; name one on the command line")
    photos = list(photographs(options.photographs).values())
    print(f"recall over {len(photos)} photographs; 8 turns: d <= 30 to any of the 8 dihedral variants; +pair: or both")
    print("pHash <= 10 and PDQ <= 90 to one of them")
    for line in recall(photos):
        print(line, flush=True)
    subject = list(photographs(options.subject).values())
    burst = list(photographs(options.burst).values())
    print("\npairs of different pictures that are taken for one (poor: left out, flagged or of quality below 50)")
    print(
        f"{'set':<34}{'pairs':>7}{'d<=10':>8}{'+residual':>10}{'16+resid.':>10}{'d<=30':>8}{'pHash<=6':>9}"
        f"{'poor':>6}{'residual':>10}"
    )
    print(confused("different photographs", photos))
    print(confused("different photographs, one subject", subject))
    print(confused("one burst", burst))
    subjects = [*photos, *subject]
    white = [Image.new("RGB", (640, 480), "white")] * len(subjects)
    print(confused("subjects on a white sheet", on_a_sheet(white, subjects)))
    cloth = [Image.new("RGB", (640, 480), (72, 84, 76))] * len(subjects)
    print(confused("subjects on a grey sheet", on_a_sheet(cloth, subjects)))
    night = ImageEnhance.Brightness(burst[0].convert("L").convert("RGB")).enhance(0.25)
    dark = [ImageEnhance.Brightness(one.convert("L").convert("RGB")).enhance(0.35) for one in subjects]
    print(confused("subjects before one dark camera", [night, *on_a_sheet([night] * len(dark), dark)]))


if __name__ == "__main__":
    main()
