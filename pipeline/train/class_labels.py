"""The classes of a classifier against the taxa of data: what differs is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.model.errors import FeedError

_NAMED = 3


def difference(classes: Sequence[str], taxa: Sequence[str]) -> str:
    """Return in words what taxa two lists do not share; '' where they are one and the same, in one order.

    >>> difference(["a", "b", "c"], ["b", "c", "d", "e"])
    '1 class is no taxon of the data (a), 2 taxa of the data are no class (d, e)'
    >>> difference(["a", "b"], ["b", "a"]), difference(["a"], ["a"])
    ('the same 2 taxa in another order', '')
    """
    ours, theirs = set(taxa), set(classes)
    gone, new = [each for each in classes if each not in ours], [each for each in taxa if each not in theirs]
    said = []
    if gone:
        said.append(f"{_counted(gone, 'class is no taxon', 'classes are no taxa')} of the data ({_some(gone)})")
    if new:
        said.append(f"{_counted(new, 'taxon of the data is', 'taxa of the data are')} no class ({_some(new)})")
    if not said and list(classes) != list(taxa):
        return f"the same {len(taxa):,} taxa in another order"
    return ", ".join(said)


def check_labels(classes: Sequence[str], taxa: Sequence[str], where: str) -> None:
    """Raise FeedError where a checkpoint's classes are not the taxa of the data, one for one."""
    differs = difference(classes, taxa)
    if differs:
        raise FeedError(
            f"the classes of the checkpoint are not the taxa of the data: {differs}",
            where,
            f"the {len(classes):,} taxa that it was trained on",
            "train on the same taxa (where and split decide them), or begin another run with -o",
        )


def _counted(found: Collection[str], one: str, many: str) -> str:
    return f"{len(found):,} {one if len(found) == 1 else many}"


def _some(found: Sequence[str]) -> str:
    return ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
