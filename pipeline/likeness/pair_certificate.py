"""The statement about pHash and PDQ together: no kept image lies within both distances of a held-out one.

As with single hashes the search is made again over what the shards hold, with canaries planted among it and a
brute-force audit beside. What the rule is for, crops, borders and turns, it finds often and not always: of such copies
of held-out images the statement says how many lie within the distances, and proves that each of those is found.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageOps

from dedup import BothHashes, HeldOutPair, find_pair_leaks
from dedup.pairs import as_words, distances
from manifests import LikenessRules
from pipeline.likeness.canaries import audited, changed_copies, planted_hashes

_BLOCK = 1 << 19


def by_pair(
    benchmark: str, kept: BothHashes, image_id: Sequence[str], items: pa.Table, rules: LikenessRules, audit: int
) -> Iterator[tuple[bool, str]]:
    """Prove that no kept image lies within both distances of a held-out one: (whether it holds, sentence) each.

    `kept`: the hashes of the kept images that carry information, `image_id`: their names. `items`: the held-out items
    of the benchmark. `audit`: most pairs of hashes that brute force compares.
    """
    clear = pc.fill_null(pc.greater_equal(items["quality"], rules.minimum_quality), False)
    sides = [(clear, "")]
    # With leak_unknown = 'keep' images near such items stay, and are counted apart; they are no broken promise.
    sides += [(pc.invert(clear), " whose own hash says little")] if rules.leak_unknown == "drop" else []
    for some, which in sides:
        own = items.filter(some)
        held = HeldOutPair.from_table(own)
        if len(held.hashes):
            yield from _side(benchmark, kept, image_id, own, held, which, rules, audit)


def _side(
    benchmark: str,
    kept: BothHashes,
    image_id: Sequence[str],
    items: pa.Table,
    held: HeldOutPair,
    which: str,
    rules: LikenessRules,
    audit: int,
) -> Iterator[tuple[bool, str]]:
    limits = rules.leak_pair_phash, rules.leak_pair_pdq
    planted = _planted(held, *limits)
    copies = [] if which else _copies(items, rules.minimum_quality)
    shown = [BothHashes(*(np.frombuffer(part, np.uint8)[np.newaxis] for part in copy)) for copy in copies]
    everything = _joined([kept, planted, *shown])
    near = find_pair_leaks(everything, held, *limits)
    hit = set(near.left.tolist())
    leaking = sorted(row for row in hit if row < len(kept))
    title = f"{benchmark}, pHash and PDQ together"
    first = f", such as {image_id[leaking[0]]}" if leaking else ""
    guarded = len(set(held.owner.tolist()))
    yield (
        not leaking,
        f"{title}: {len(leaking) or 'no'} kept image of {len(kept):,} lies within {limits[0]} bits of pHash and "
        f"{limits[1]} of PDQ of one of {guarded:,} held-out images{which}, mirrored or turned{first}",
    )
    rows, columns = audited(len(kept), len(everything), len(held.hashes), image_id.__getitem__, audit)
    honest = _within(everything, rows, held.hashes[:columns], *limits)
    compared = hit & set(rows.tolist())
    caught = sum(len(kept) <= row < len(kept) + len(planted) for row in hit)
    start = len(kept) + len(planted)
    seen, within = (sum(row >= start for row in found) for found in (hit, honest))
    by_image = (
        f"; of {len(shown):,} cropped, bordered and turned copies of its images {within:,} lie within both, and it "
        f"found {seen:,}"
        if shown
        else ""
    )
    yield (
        caught == len(planted) and seen >= within,
        f"{title}: the search found {caught:,} of {len(planted):,} planted canaries{by_image}",
    )
    same = honest == compared if columns == len(held.hashes) else honest <= compared
    yield (
        same,
        f"{title}: brute force over {len(rows):,} x {columns:,} pairs of hashes finds "
        f"{'the same images' if same else 'other images'} within both ({len(honest):,}, canaries included)",
    )


def _planted(held: HeldOutPair, phash: int, pdq: int) -> BothHashes:
    """Return copies of held-out pairs of hashes with bits turned over in both, up to both distances."""
    own = replace(held.items, owner=held.owner, variant=held.variant)
    return BothHashes(
        planted_hashes(replace(own, pdq=held.hashes.phash), phash),
        planted_hashes(replace(own, pdq=held.hashes.pdq), pdq),
    )


def _copies(items: pa.Table, minimum_quality: int) -> list[tuple[bytes, bytes]]:
    """Return pHash and PDQ of cropped, bordered, turned copies of some held-out images, made from their thumbnails."""
    named = zip(items["item"].to_pylist(), items["thumbnail"].to_pylist(), strict=True)
    thumbnails = {item: thumbnail for item, thumbnail in named if thumbnail is not None}
    copies = changed_copies(thumbnails, _changed, minimum_quality)
    return [(hashes.phash.to_bytes(8, "big"), hashes.pdq) for _, hashes in copies]


def _changed(image: Image.Image, number: int) -> tuple[str, bytes]:
    """Return one of six changed copies as JPEG."""
    changes = (
        ("cropped", image.crop((6, 6, 250, 250))),
        ("with a white border", ImageOps.expand(image, 5, 255)),
        ("turned by 2 degrees", image.rotate(2, Image.Resampling.BICUBIC)),
        ("cut on two sides and mirrored", ImageOps.mirror(image.crop((0, 0, 251, 251)))),
        ("turned, with a black border", ImageOps.expand(image.transpose(Image.Transpose.ROTATE_90), 5, 0)),
        ("turned and cropped", image.transpose(Image.Transpose.ROTATE_180).crop((6, 6, 250, 250))),
    )
    name, copy = changes[number % len(changes)]
    encoded = io.BytesIO()
    copy.save(encoded, "JPEG", quality=85)
    return name, encoded.getvalue()


def _joined(parts: Sequence[BothHashes]) -> BothHashes:
    return BothHashes(np.concatenate([part.phash for part in parts]), np.concatenate([part.pdq for part in parts]))


def _within(hashes: BothHashes, rows: npt.NDArray[np.int64], held: BothHashes, phash: int, pdq: int) -> set[int]:
    """Return the rows within both distances of a held-out pair, by comparing all pHashes, then the PDQ of the near."""
    left, right = as_words(hashes.phash[rows]), as_words(held.phash)
    ours, theirs = as_words(hashes.pdq), as_words(held.pdq)
    found: set[int] = set()
    step = max(1, _BLOCK // max(1, len(right)))
    for start in range(0, len(left), step):
        at, column = np.nonzero(distances(left[start : start + step, np.newaxis], right[np.newaxis]) <= phash)
        near = rows[start + at]
        found.update(near[distances(ours[near], theirs[column]) <= pdq].tolist())
    return found
