"""Duplicates without a recipe: who is kept, who is named, and what is no duplicate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from manifests import LikenessRules
from pipeline.likeness.deduplicate import Duplicates, find_duplicates
from pipeline.likeness.hashing import HASHED_SCHEMA, hash_set
from tests.pipeline.likeness.pictures import grain, jpeg, lay


def outcomes(found: Duplicates) -> dict[str, tuple[str, str | None]]:
    return {row["item"]: (row["outcome"], row["other"]) for row in found.decisions.to_pylist()}


def test_the_larger_copy_is_kept_and_named(tmp_path: Path) -> None:
    lay(tmp_path, a=grain(1, (120, 90)), b=grain(1, (240, 180)), c=grain(2), d=jpeg(grain(2)), e=jpeg(grain(3))[:99])
    assert outcomes(find_duplicates(hash_set([tmp_path], turned=False))) == {
        "a.jpg": ("near_duplicate", "b.jpg"),
        "b.jpg": ("kept", None),
        "c.jpg": ("kept", None),
        "d.jpg": ("exact_duplicate", "c.jpg"),
        "e.jpg": ("unreadable", None),
    }


def laid(folder: Path, name: str, image: Image.Image, **options: object) -> str:
    folder.mkdir(exist_ok=True)
    image.save(folder / name, None, **options)
    return name


@pytest.mark.parametrize("size", [(240, 180), (300, 260)])
def test_of_equal_copies_the_one_with_all_its_colours_is_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = Image.blend(grain(1, size).convert("L").convert("RGB"), grain(2, size), 0.15)
    larger = picture.resize((size[0] * 2, size[1] * 2), Image.Resampling.BICUBIC)
    copies = [
        laid(tmp_path, "a-la.png", picture.convert("LA")),
        laid(tmp_path, "b-grey-as-rgb.png", picture.convert("L").convert("RGB")),
        laid(tmp_path, "c-16-bit.png", Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)),
        laid(tmp_path, "d-200.gif", picture.quantize(200)),
        laid(tmp_path, "e-256-as-rgb.png", picture.quantize(256).convert("RGB")),
        laid(tmp_path, "f-toned.jpg", ImageOps.colorize(picture.convert("L"), (30, 15, 0), (255, 240, 205))),
        laid(tmp_path, "g-small.jpg", picture.resize((60, 45)), quality=95),
        laid(tmp_path, "x-poor.jpg", picture, quality=75),
    ]
    if min(size) > 256:  # what is beyond the side that is stored is worth less than colour
        copies.append(laid(tmp_path, "h-larger-grey.png", larger.convert("L")))
    laid(tmp_path, "z-fine.jpg", picture, quality=92)
    found = outcomes(find_duplicates(hash_set([tmp_path], turned=False)))
    assert found.pop("z-fine.jpg") == ("kept", None)
    assert found == dict.fromkeys(copies, ("near_duplicate", "z-fine.jpg"))


def test_flat_images_are_duplicates_only_where_their_pixels_are_equal(tmp_path: Path) -> None:
    grey = Image.new("RGB", (100, 100), (90, 90, 90))
    lay(tmp_path, a=grey, b=grey, c=Image.new("RGB", (100, 100), (200, 90, 90)))
    assert outcomes(find_duplicates(hash_set([tmp_path], turned=False))) == {
        "a.jpg": ("kept", None),
        "b.jpg": ("exact_duplicate", "a.jpg"),
        "c.jpg": ("kept", None),
    }


def test_alike_images_of_two_labels_are_a_conflict_and_of_one_observation_no_duplicates(tmp_path: Path) -> None:
    lay(tmp_path, a=grain(1), b=jpeg(grain(1), 70), c=grain(2), d=jpeg(grain(2), 70))
    images = hash_set([tmp_path], turned=False)
    labels = {"a.jpg": "butterfly", "b.jpg": "moth", "c.jpg": "lynx", "d.jpg": "lynx"}
    found = outcomes(find_duplicates(images, labels=labels))
    assert {found[name][0] for name in ("a.jpg", "b.jpg")} == {"label_conflict"}
    assert sorted(found[name][0] for name in ("c.jpg", "d.jpg")) == ["kept", "near_duplicate"]
    burst = find_duplicates(images, group_of={"c.jpg": "event 1", "d.jpg": "event 1"})
    assert {outcomes(burst)[name][0] for name in ("c.jpg", "d.jpg")} == {"kept"}
    assert [pair["same_group"] for pair in burst.pairs.to_pylist()] == [False, True]


def test_a_pair_that_does_not_verify_is_listed_and_kept(tmp_path: Path) -> None:
    empty = grain(1, (256, 256))
    animal = empty.copy()
    animal.paste((255, 255, 255), (100, 100, 128, 128))
    lay(tmp_path, empty=empty, animal=animal)
    images = hash_set([tmp_path], turned=False)
    found = find_duplicates(images, LikenessRules(duplicate_distance=60))
    assert {outcome for outcome, _ in outcomes(found).values()} == {"kept"}
    (pair,) = found.pairs.to_pylist()
    assert (pair["left"], pair["right"], pair["verified"]) == ("animal.jpg", "empty.jpg", False)
    one, other = (np.frombuffer(bytes.fromhex(pdq), np.uint8) for pdq in images["pdq"].to_pylist())
    assert pair["distance"] == int(np.bitwise_count(one ^ other).sum())
    assert pair["residual"] > 6


def test_a_pair_is_listed_with_the_residual_that_verified_it_or_none_where_there_is_no_thumbnail(
    tmp_path: Path,
) -> None:
    lay(tmp_path, b=grain(1), a=jpeg(grain(1), 70))
    images = hash_set([tmp_path], turned=False)
    (pair,) = find_duplicates(images).pairs.to_pylist()
    assert (pair["left"], pair["right"], pair["verified"], pair["same_group"]) == ("a.jpg", "b.jpg", True, False)
    assert 0 < pair["residual"] <= LikenessRules().duplicate_residual
    dropped = [row for row in find_duplicates(images).decisions.to_pylist() if row["decision"] == "dropped"]
    assert [json.loads(row["evidence"])["residual"] for row in dropped] == [pair["residual"]]
    bare = images.set_column(
        images.column_names.index("thumbnail"), HASHED_SCHEMA.field("thumbnail"), pa.nulls(2, pa.binary(4096))
    )
    (pair,) = find_duplicates(bare).pairs.to_pylist()
    assert (pair["residual"], pair["verified"]) == (-1.0, True)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(9)))
def test_the_order_of_the_images_does_not_matter(order: list[int]) -> None:
    rows = _ROWS.take(pa.array(order))
    assert find_duplicates(rows).decisions.equals(find_duplicates(_ROWS).decisions)


def _rows() -> pa.Table:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        lay(Path(folder), **{f"p{n}": jpeg(grain(n // 3), 60 + n) for n in range(9)})
        return hash_set([Path(folder)], turned=False)


_ROWS = _rows()
