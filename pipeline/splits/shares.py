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
    whole = sum(images.values())
    for split in recipe.splits or ():
        held = images.get(split.name, 0)
        if whole and not held:
            yield f"split {split.name} is empty: nothing that is kept may be in it (docs/splits.md)"
        elif whole and abs(100 * held / whole - split.percent) > _POINTS:
            share = f"{100 * held / whole:.1f} % of the images"
            yield f"split {split.name} has {share}, where {split.percent:g} % are wanted"
