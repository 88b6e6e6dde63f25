"""Duplicates without a recipe: who is kept, who is named, and what is no duplicate."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.likeness.deduplicate import find_duplicates
from pipeline.likeness.hashing import hash_set
from tests.pipeline.likeness.pictures import grain, jpeg, lay


def outcomes(found) -> dict[str, tuple[str, str | None]]:
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
    found = find_duplicates(hash_set([tmp_path], turned=False))
    assert {outcome for outcome, _ in outcomes(found).values()} == {"kept"}
    for pair in found.pairs.to_pylist():
        assert not pair["verified"]
        assert pair["residual"] > 6


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
