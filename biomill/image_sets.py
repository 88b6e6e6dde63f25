"""Images that lie on disk: duplicates among them, and those that leak a held-out set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.likeness.check import LeakReport
    from pipeline.likeness.deduplicate import Duplicates

Paths = str | PathLike[str] | Iterable[str | PathLike[str]]
"""A folder, .tar, .zip, image or hash list, or several of them."""
_REMEDY = "biomill images PATH says what is wrong with them"


def deduplicate(
    images: Paths,
    *,
    distance: int | None = None,
    residual: float | None = None,
    labels: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
    threads: int = 2,
    allow_empty: bool = False,
) -> Duplicates:
    """Return which images are kept and which are duplicates of a kept one, as a run decides it.

    `images`: folders, tars, zips, images or hash lists. `distance`: bits of 256-bit PDQ within which two images are
    compared, and `residual`: grey levels by which they may then differ; by default those of a recipe. `labels`: what an
    image shows, by item; images alike under different labels are conflicts. `groups`: the observation of an image, by
    item; images of one group are no duplicates of each other unless their pixels are equal. Items are named as the
    answer names them: relative to a single folder, or `ARCHIVE!MEMBER`. `threads` decode images.

    `decisions` of the answer has one row for each image (decision, outcome, the kept image it is like, evidence),
    `pairs` one for each pair within the distance. Memory: some KB an image.

    Raises BiomillError when a path is not there or no label or group names an image, LikenessError for a distance that
    admits no exact answer, EmptyResultError when not one image was kept, unless `allow_empty`.
    """
    from dedup import plan_bands
    from manifests import LikenessRules
    from pipeline.likeness.deduplicate import find_duplicates
    from pipeline.model.errors import EmptyResultError

    default = LikenessRules()
    rules = LikenessRules(
        duplicate_distance=default.duplicate_distance if distance is None else distance,
        duplicate_residual=default.duplicate_residual if residual is None else residual,
    )
    plan_bands(256, rules.duplicate_distance)  # refuses what is no likeness, before any image is hashed
    table = _hashed(images, threads, turned=False)
    for what, given in (("labels", labels), ("groups", groups)):
        _check_items(what, given, table)
    found = find_duplicates(table, rules, labels, groups)
    if not allow_empty and not found.count("kept"):
        raise EmptyResultError("no image was kept", where=_said(images), remedy=_REMEDY)
    return found


def check_leakage(
    train: Paths,
    heldout: Paths,
    *,
    distance: int | None = None,
    phash_distance: int | None = None,
    pair_distances: tuple[int, int] | None = None,
    review_distances: tuple[int, int] | None = None,
    threads: int = 2,
    allow_empty: bool = False,
) -> LeakReport:
    """Return which training images may be a held-out one, and which held-out images are leaked.

    `train`, `heldout`: folders, tars, zips, images or hash lists. An image leaks when its bytes or pixels are equal to
    a held-out one's, however that is turned or mirrored; when its PDQ lies within `distance` bits; its pHash within
    `phash_distance`; or its pHash and its PDQ within both of `pair_distances`. What lies only within both of
    `review_distances` is listed for a person to look at. -1 switches pHash, the pair or the review off; by default the
    distances are those of a recipe. The search is exact. `threads` decode images.

    `leaks` of the answer has one row for each training image that is not clean, `items` one for each held-out image:
    leaked, clean, or not_covered where it could not be compared. An image without a usable hash is leak_unknown, never
    clean. Memory: some 5 KB an image.

    Raises BiomillError when a path is not there, LikenessError for distances that admit no exact answer,
    EmptyResultError when no image of a side could be hashed and nothing was compared, unless `allow_empty`.
    """
    from dedup import plan_bands
    from manifests import LikenessRules
    from pipeline.likeness.check import REVIEW_PDQ, REVIEW_PHASH, check_leaks
    from pipeline.model.errors import EmptyResultError

    rules = LikenessRules()
    if distance is not None:
        rules = replace(rules, leak_distance=distance)
    if phash_distance is not None:
        rules = replace(rules, leak_phash_distance=phash_distance)
    if pair_distances is not None:
        rules = replace(rules, leak_pair_phash=pair_distances[0], leak_pair_pdq=pair_distances[1])
    review = (REVIEW_PHASH, REVIEW_PDQ) if review_distances is None else review_distances
    plan_bands(256, rules.leak_distance)
    for bits in (rules.leak_phash_distance, rules.leak_pair_phash, review[0]):
        if bits >= 0:
            plan_bands(64, bits)
    ours, theirs = _hashed(train, threads, turned=False), _hashed(heldout, threads)
    report = check_leaks(ours, theirs, rules, review)
    # Equal bytes are found without a hash.
    found = report.leaks.num_rows > report.count("leak_unknown")
    for what, given, table in (("training", train, ours), ("held-out", heldout, theirs)):
        if table["outcome"].null_count == 0 and not found and not allow_empty:
            what = f"no {what} image was hashed, so nothing was compared"
            raise EmptyResultError(what, where=_said(given), remedy=_REMEDY)
    return report


def _hashed(paths: Paths, threads: int, turned: bool = True) -> pa.Table:
    from pipeline.likeness.hashing import hash_set
    from pipeline.model.errors import UsageError

    if threads < 1:
        raise UsageError(f"{threads} threads cannot decode images", expected="1 or more")
    return hash_set(_listed(paths), turned=turned, threads=threads)


def _listed(paths: Paths) -> list[Path]:
    """Return paths as a list; one path stands for itself.

    >>> _listed("photos"), _listed(["a.tar", Path("b.zip")])
    ([PosixPath('photos')], [PosixPath('a.tar'), PosixPath('b.zip')])
    """
    return [Path(paths)] if isinstance(paths, str | PathLike) else [Path(path) for path in paths]


def _said(paths: Paths) -> str:
    return ", ".join(map(str, _listed(paths)))


def _check_items(what: str, given: Mapping[str, str] | None, images: pa.Table) -> None:
    """Raise BiomillError when of labels or groups that are given none names an image."""
    from manifests import BiomillError

    items = images["item"].to_pylist()
    if given and not any(item in given for item in items):
        raise BiomillError(
            f"no image is named in the {what}",
            where=f"{what} of {next(iter(given))!r} and {len(given) - 1:,} more",
            expected=f"items such as {items[0]!r}",
            remedy="name the images as the column 'item' of the decisions does",
        )
