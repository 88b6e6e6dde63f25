"""Hold conditions on pictures against real photographs: `python -m tests.conformance.picture_rules FOLDER ...`.

Every file of the folders that a run would store is measured as fetch measures it, and so are copies of it that a
condition is to end: blurred, and all of one colour with the noise of a camera. Prints, for each condition, how many
photographs it ends, of how many, with the exact upper bound at 95 % (Clopper and Pearson, one-sided), and how many of
the copies it lets pass. Of a folder of labels or pages, "as it is" tells how many of them `no-text` finds.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from PIL import Image, ImageFilter

from manifests import ImageRules
from manifests.condition import read_condition
from manifests.sections.shipped_rules import SHIPPED_RULES
from pipeline.media.images.measures import measures_of
from pipeline.media.images.stored_image import process
from pipeline.media.media_schema import MEASURES

CONDITIONS = {
    name: rule.condition for name, rule in SHIPPED_RULES.items() if not rule.scores and "media." in rule.condition
}
"""The rules that read nothing but a picture's measures."""


def upper_bound(wrong: int, of: int, confidence: float = 0.95) -> float:
    """Return the greatest share at which so few wrong ones of so many would still come with 5 % or more.

    >>> round(upper_bound(0, 299), 4), round(upper_bound(299, 299), 4), round(upper_bound(601, 3070), 4)
    (0.01, 1.0, 0.2079)
    """
    if wrong >= of:
        return 1.0
    low, high = wrong / of, 1.0
    for _ in range(60):
        share = (low + high) / 2
        # In logarithms, as the number of ways is no float where there are thousands.
        ways = (math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in range(wrong + 1))
        odds = (k * math.log(share) + (of - k) * math.log1p(-share) for k in range(wrong + 1)) if share else iter([0.0])
        fewer = sum(math.exp(way + odd) for way, odd in zip(ways, odds, strict=False))
        low, high = (share, high) if fewer > 1 - confidence else (low, share)
    return high


def pictures(folders: list[str]) -> Iterator[Image.Image]:
    """Yield what a run would store of every file, each content once."""
    seen: set[str] = set()
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.stat().st_size < 50_000_000:
                answer = process(path.read_bytes(), [None], ImageRules(), 100_000_000)[0]
                if answer.outcome is None and answer.pixel_sha256 not in seen:
                    seen.add(answer.pixel_sha256)
                    yield Image.open(io.BytesIO(answer.jpeg)).convert("RGB")


def copies(image: Image.Image, random: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """Yield a picture as it is, out of focus by 1 and 2 % of 256 pixels, and its mean colour with noise of 2 levels."""
    yield "as it is", image
    yield "blurred, sigma 2.5", image.filter(ImageFilter.GaussianBlur(2.5))
    yield "blurred, sigma 5", image.filter(ImageFilter.GaussianBlur(5))
    mean = np.asarray(image, np.float64).mean(axis=(0, 1))
    noise = random.normal(0, 2, (image.height, image.width, 1))
    yield "blank with noise", Image.fromarray(np.clip(mean + noise, 0, 255).astype(np.uint8))


def main() -> None:
    random = np.random.default_rng(0)
    rows = [
        {
            "kind": kind,
            "aspect": max(image.size) / min(image.size),
            **{name: getattr(measures_of(each), name) for name in MEASURES},
        }
        for image in pictures(sys.argv[1:])
        for kind, each in copies(image, random)
    ]
    with duckdb.connect() as con:
        con.register("m", pa.Table.from_pylist(rows))
        for name, condition in CONDITIONS.items():
            fails = f"NOT coalesce({read_condition(condition).sql}, false)"
            query = f"SELECT kind, count(*) FILTER ({fails}), count(*) FROM m GROUP BY 1 ORDER BY 1"
            print(f"{name}: {condition}")
            for kind, ended, of in con.execute(query).fetchall():
                bound = f", at most {100 * upper_bound(ended, of):.1f} %" if kind == "as it is" else ""
                print(f"  {kind:<20} ends {ended:,} of {of:,} ({100 * ended / of:.1f} %{bound})")
        for share in (1, 5, 50):
            columns = ", ".join(f"quantile_disc({name}, {share / 100})" for name in MEASURES)
            numbers = con.execute(f"SELECT {columns} FROM m WHERE kind = 'as it is'").fetchall()[0]
            said = ", ".join(f"{name} {number:g}" for name, number in zip(MEASURES, numbers, strict=True))
            print(f"{share} % of the photographs are below: {said}")


if __name__ == "__main__":
    main()
