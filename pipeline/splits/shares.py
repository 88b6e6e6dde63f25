"""How far the splits came out from what the recipe wants of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from manifests import Recipe

_POINTS = 2.0
"""Points by which a share may be off before it is told."""


def share_lines(recipe: Recipe, images: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each named split whose share of the images is off, or that is empty.

    `images`: how many each split has.

    >>> from manifests import SplitSpec
    >>> recipe = Recipe("r", (), splits=(SplitSpec("train", 80.0), SplitSpec("val", 20.0)))
    >>> list(share_lines(recipe, {"train": 96, "val": 4}))[1]
    'split val has 4.0 % of the images, where 20 % are wanted'
    """
    whole = shared_images(recipe, images)
    for split in recipe.splits or ():
        held = images.get(split.name, 0)
        if any(images.values()) and not held:
            why = "nothing that is kept may be in it" if split.percent else "nothing that is kept is named for it"
            yield f"split {split.name} is empty: {why} (docs/splits.md)"
        elif whole and split.percent and abs(100 * held / whole - split.percent) > _POINTS:
            share = f"{100 * held / whole:.1f} % of the images"
            cap = f", at most {split.cap_per_taxon:,} of a taxon" if split.cap_per_taxon else ""
            yield f"split {split.name} has {share}, where {split.percent:g} % are wanted{cap}"


def shared_images(recipe: Recipe, images: Mapping[str, int]) -> int:
    """Return how many images the splits have that shares are of: what is only listed is of no share.

    >>> from manifests import SplitSpec
    >>> splits = SplitSpec("train", 80.0), SplitSpec("val", 20.0), SplitSpec("test", keys="mine.csv")
    >>> shared_images(Recipe("r", (), splits=splits), {"train": 8, "val": 2, "test": 90})
    10
    """
    listed = {split.name for split in recipe.splits or () if not split.percent}
    return sum(number for name, number in images.items() if name not in listed)
