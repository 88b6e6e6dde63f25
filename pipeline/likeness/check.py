"""The leak check of two sets of images: which training images may be a held-out one, and which items are leaked.

Both sets are folders, tars, zips or hash lists. It is the search of the pipeline without its records: equal bytes and
pixels, equal keys where both sides have them, and every named hash within its distance, turned and mirrored. What no
rule calls a leak but lies just beyond the distances of pHash and PDQ together is listed for a person to look at.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dedup import UNKNOWN_QUALITY, BothHashes, HeldOut, HeldOutPair, find_leaks, find_pair_leaks, usable
from manifests import LikenessRules
from pipeline.likeness.digests import packed
from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak
from pipeline.likeness.search import compares_pairs, doubtful, informative, pair_leaks, same_content
from pipeline.likeness.verification import UNKNOWN_RESIDUAL, pair_residuals

LEAKS_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("train", "benchmark", "item", "rule", "decision")),
        pa.field("distance", pa.int32()),  # of the hash that the rule compares, PDQ before pHash; -1: of none
        pa.field("phash_distance", pa.int32()),  # where a rule compares both hashes; else -1
        pa.field("variant", pa.int32()),  # how the held-out image was turned: place in dedup.DIHEDRAL
        pa.field("residual", pa.float64()),  # of the thumbnails; -1 where one is missing
        pa.field("detail", pa.string()),
    ]
)
"""One row per training image that is no clean one; `decision` is leak, leak_unknown or review."""
REVIEW_PHASH, REVIEW_PDQ = 12, 100
"""Distances within which both hashes of an image lie that is listed for review: of 134 photographs cropped by 10 % so
lie four fifths, of those with a border of 3 % three quarters, and hardly any pair of different photographs."""
ITEMS_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("benchmark", "item", "state", "train", "rule")),
        pa.field("distance", pa.int32()),
    ]
)
"""One row per held-out item: leaked (with the first training image that leaks it), clean, or not_covered."""
_NAMES = ("phash", "pdq")
_WIDTH = {"pdq": 32, "phash": 8}
REVIEW = "review"
_KEYS = ("media_key", "record_key", "occurrence_key")


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What a leak check found."""

    leaks: pa.Table
    """LEAKS_SCHEMA, sorted by the training image's name."""
    items: pa.Table
    """ITEMS_SCHEMA, in the order of benchmark and item."""
    train: pa.Table
    """HASHED_SCHEMA rows of the training images."""
    held_out: pa.Table
    """HASHED_SCHEMA rows of the held-out items."""

    def count(self, decision: str) -> int:
        """Return the number of training images with that decision."""
        return int(self.leaks["decision"].to_pylist().count(decision))

    def state(self, state: str) -> int:
        """Return the number of held-out items in that state."""
        return int(self.items["state"].to_pylist().count(state))


def check_leaks(
    train: pa.Table,
    held_out: pa.Table,
    rules: LikenessRules | None = None,
    review: tuple[int, int] = (REVIEW_PHASH, REVIEW_PDQ),
) -> LeakReport:
    """Compare two tables of `hash_set`: every training image is clean, a leak, leak_unknown, or for review.

    leak_unknown: the image has no hash, a hash of too little information, or lies near a held-out item whose hash is
    such. review: no rule says that the image leaks, but its pHash and its PDQ lie within the distances of `review` of a
    held-out one; -1 in either: nothing is listed so. Memory: some hundred bytes per hash beside the tables.
    LikenessError: a distance of half the bits or more.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from pipeline.likeness.hashing import hash_set
    >>> grain = np.random.default_rng(1).integers(0, 256, (12, 12), dtype=np.uint8)
    >>> picture = Image.fromarray(grain).resize((256, 200), Image.Resampling.BICUBIC)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, image in (("train/a.png", picture.rotate(180)), ("held/b.jpg", picture.resize((128, 100)))):
    ...         Path(folder, name).parent.mkdir()
    ...         image.save(Path(folder, name))
    ...     report = check_leaks(hash_set([Path(folder, "train")], turned=False), hash_set([Path(folder, "held")]))
    >>> report.leaks.select(["train", "item", "rule", "decision"]).to_pylist()
    [{'train': 'a.png', 'item': 'b.jpg', 'rule': 'hamming', 'decision': 'leak'}]
    """
    rules = rules or LikenessRules()
    leaks = dict(same_content(held_out, train))
    for index, leak in _same_keys(train, held_out).items():
        leaks.setdefault(index, leak)
    near = {index: leak for name in _NAMES for index, leak in reversed(_near(train, held_out, rules, name))}
    found = [*near.items(), *_paired(train, held_out, rules)]
    for index, leak in sorted(found, key=lambda pair: pair[1].rule == DOUBTFUL):
        leaks.setdefault(index, leak)
    wide = replace(rules, leak_pair_phash=review[0], leak_pair_pdq=review[1])
    for index, leak in _paired(train, held_out, wide, but=leaks.keys()):
        if leak.rule == LEAK_PAIR:
            leaks[index] = replace(leak, rule=REVIEW)
    return LeakReport(_leak_rows(train, held_out, leaks, rules), _items(train, held_out, rules), train, held_out)


def _near(train: pa.Table, held_out: pa.Table, rules: LikenessRules, name: str) -> list[tuple[int, Leak]]:
    """Return the training images near a held-out one under the hash of that name, the clear leaks first."""
    distance = rules.leak_distance if name == "pdq" else rules.leak_phash_distance
    if distance < 0:
        return []
    hashes, rows = packed(train[name].to_pylist(), _WIDTH[name])
    quality = _qualities(train)
    telling = usable(quality[rows], rules.minimum_quality)
    hashes, rows = hashes[telling], rows[telling]
    sides = [(informative(held_out, rules.minimum_quality, name), "hamming" if name == "pdq" else "phash")]
    if name == "pdq":
        sides.append((doubtful(held_out, rules.minimum_quality), DOUBTFUL))
    found = []
    for held, rule in sides:
        leaks = find_leaks(hashes, quality[rows], held, distance)
        ends = (leaks.train.tolist(), leaks.held_out.tolist(), leaks.variant.tolist(), leaks.distance.tolist())
        for at, item, variant, between in zip(*ends, strict=True):
            found.append((int(rows[at]), Leak(held.benchmark[item], held.item[item], rule, between, variant)))
    return found


def _paired(
    train: pa.Table, held_out: pa.Table, rules: LikenessRules, but: Collection[int] = ()
) -> list[tuple[int, Leak]]:
    """Return the training images, but for some rows, that lie near a held-out one under both hashes at once."""
    both, rows = _both(train, rules.minimum_quality, but)
    return [(int(rows[at]), leak) for at, leak in pair_leaks(both, held_out, rules)]


def _both(train: pa.Table, minimum: int, but: Collection[int] = ()) -> tuple[BothHashes, npt.NDArray[np.int64]]:
    """Return both hashes of the rows that have both, with enough information, and these rows."""
    telling = pc.fill_null(pc.greater_equal(train["quality"], minimum), False)
    chosen = pc.and_(telling, pc.and_(train["pdq"].is_valid(), train["phash"].is_valid()))
    rows = np.setdiff1d(np.flatnonzero(chosen.to_numpy(zero_copy_only=False)), np.array(sorted(but), np.int64))
    some = train.select(_NAMES).take(pa.array(rows, pa.int64()))
    hashes = (packed(some[name].to_pylist(), _WIDTH[name])[0] for name in _NAMES)
    return BothHashes(*hashes), rows


def _same_keys(train: pa.Table, held_out: pa.Table) -> dict[int, Leak]:
    leaks: dict[int, Leak] = {}
    for column in _KEYS:
        known: dict[str, tuple[str, str]] = {}
        for key, benchmark, item in sorted(
            (row[column], row["benchmark"], row["item"])
            for row in held_out.select([column, "benchmark", "item"]).to_pylist()
            if row[column]
        ):
            known.setdefault(key, (benchmark, item))
        for index, key in enumerate(train[column].to_pylist()):
            if key in known:
                leaks.setdefault(index, Leak(*known[key], column, -1, -1))
    return leaks


def _leak_rows(train: pa.Table, held_out: pa.Table, leaks: dict[int, Leak], rules: LikenessRules) -> pa.Table:
    """Return the rows of all training images that are not clean."""
    columns = [train[name].to_pylist() for name in ("item", "outcome", "quality", "thumbnail")]
    named = held_out.select(["benchmark", "item", "thumbnail"]).to_pylist()
    theirs = {(row["benchmark"], row["item"]): row["thumbnail"] for row in named}
    rows = []
    for index, (name, outcome, quality, picture) in enumerate(zip(*columns, strict=True)):
        leak = leaks.get(index)
        base = {"train": name, "distance": -1, "variant": -1, "phash_distance": -1, "residual": UNKNOWN_RESIDUAL}
        if leak is not None:
            # Only pictures that stand the same way can be laid over each other.
            other = theirs.get((leak.benchmark, leak.item)) if leak.variant == 0 else None
            base |= {"benchmark": leak.benchmark, "item": leak.item, "rule": leak.rule}
            base |= {"distance": leak.distance, "variant": leak.variant, "phash_distance": leak.phash_distance}
            base |= {"residual": float(pair_residuals([picture], [other])[0])}
            rows.append(base | {"decision": {DOUBTFUL: "leak_unknown", REVIEW: REVIEW}.get(leak.rule, "leak")})
        elif outcome is not None or quality is None:
            rows.append(base | {"decision": "leak_unknown", "rule": "no hash", "detail": outcome or "no quality"})
        elif quality < rules.minimum_quality:
            detail = f"quality {quality}, at least {rules.minimum_quality} needed"
            rows.append(base | {"decision": "leak_unknown", "rule": "low information", "detail": detail})
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["train"])), LEAKS_SCHEMA)


def _items(train: pa.Table, held_out: pa.Table, rules: LikenessRules) -> pa.Table:
    """Return the state of every held-out item: the same search with the sides exchanged."""
    names = train["item"].to_pylist()
    leaked: dict[int, tuple[str, str, int]] = {}
    for column, rule in (("sha256", "bytes"), ("pixel_sha256", "pixels"), *((key, key) for key in _KEYS)):
        known: dict[str, str] = {}
        for digest, name in sorted(zip(train[column].to_pylist(), names, strict=True), key=str):
            if digest:
                known.setdefault(digest, name)
        for index, digest in enumerate(held_out[column].to_pylist()):
            if digest in known:
                leaked.setdefault(index, (known[digest], rule, 0))
    covered = np.zeros(held_out.num_rows, np.bool_)
    for name, rule in (("pdq", "hamming"), ("phash", "phash")):
        distance = rules.leak_distance if name == "pdq" else rules.leak_phash_distance
        if distance < 0:
            continue
        ours = HeldOut.from_table(held_out, name)
        telling = usable(ours.quality, rules.minimum_quality)[ours.owner]
        hashes, owner = ours.pdq[telling], ours.owner[telling]
        covered[owner] = True
        theirs = informative(train, rules.minimum_quality, name)
        near = find_leaks(hashes, ours.quality[owner], theirs, distance)
        for at in np.lexsort((near.train, near.distance)).tolist():
            item = int(owner[int(near.train[at])])
            leaked.setdefault(item, (theirs.item[int(near.held_out[at])], rule, int(near.distance[at])))
    for item, found in _paired_items(train, held_out, rules):
        leaked.setdefault(item, found)
    rows = []
    for index, (benchmark, item) in enumerate(
        zip(held_out["benchmark"].to_pylist(), held_out["item"].to_pylist(), strict=True)
    ):
        state = "leaked" if index in leaked else "clean" if covered[index] else "not_covered"
        row: dict[str, object] = {"benchmark": benchmark, "item": item, "state": state}
        if index in leaked:
            row |= dict(zip(("train", "rule", "distance"), leaked[index], strict=True))
        rows.append(row)
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (str(row["benchmark"]), str(row["item"]))), ITEMS_SCHEMA)


def _paired_items(train: pa.Table, held_out: pa.Table, rules: LikenessRules) -> list[tuple[int, tuple[str, str, int]]]:
    """Return the held-out items near a training image under both hashes, with the nearest: its name, rule, distance."""
    if not compares_pairs(rules):
        return []
    telling = usable(_qualities(held_out), rules.minimum_quality)
    held = HeldOutPair.from_table(held_out)
    rows = np.flatnonzero(telling[held.owner])
    theirs = HeldOutPair.from_table(train.filter(pa.array(usable(_qualities(train), rules.minimum_quality))))
    near = find_pair_leaks(held.hashes[rows], theirs, rules.leak_pair_phash, rules.leak_pair_pdq)
    ends = zip(held.owner[rows[near.left]].tolist(), theirs.owner[near.right].tolist(), strict=True)
    bits = zip(near.phash.tolist(), near.pdq.tolist(), strict=True)
    found = [(both, item, theirs.items.item[one]) for (item, one), both in zip(ends, bits, strict=True)]
    return [(item, (name, LEAK_PAIR, pdq)) for (_, pdq), item, name in sorted(found)]


def _qualities(table: pa.Table) -> npt.NDArray[np.int16]:
    return np.array([UNKNOWN_QUALITY if value is None else value for value in table["quality"].to_pylist()], np.int16)
