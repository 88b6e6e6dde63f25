from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.demo import Corpus
from pipeline.demo.draw import draw_frame, draw_picture, jpeg
from pipeline.demo.species import SPECIES, load_species

ARRIVED = (
    "kept",
    "exact_duplicate",
    "near_duplicate",
    "label_conflict",
    "leak_bytes",
    "leak_hamming",
    "leak_unknown",
)
FAR, NEAR, GOOD = 40, 6, 60

Bits = npt.NDArray[np.uint8]


def pdq(image: Image.Image) -> tuple[Bits, int]:
    luma = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.LANCZOS))
    bits, quality = pdqhash.compute(np.stack([luma] * 3, axis=-1))
    return np.asarray(bits, dtype=np.uint8), int(quality)


def dihedral(image: Image.Image) -> list[Image.Image]:
    return [image, *(image.transpose(turn) for turn in Image.Transpose)]


@pytest.fixture(scope="module")
def seen(rows, truth):  # type: ignore[no-untyped-def]
    """Every row that ends with an image: its truth, hash and quality."""
    expected = {(t["row_id"]): t for t in truth if t["outcome"] in ARRIVED}
    by_id = {row.row_id: row for row in rows}
    return [(expected[key], *pdq(by_id[key].picture())) for key in sorted(expected)]


@pytest.fixture(scope="module")
def held_out(corpus: Corpus) -> dict[str, list[Bits]]:
    folder = corpus.folder / "benchmarks" / "biota-heldout" / "images"
    return {
        path.name: [pdq(variant)[0] for variant in dihedral(Image.open(path).convert("RGB"))]
        for path in sorted(folder.iterdir())
    }


def test_only_planted_blanks_carry_little_information(seen) -> None:  # type: ignore[no-untyped-def]
    for row, _, quality in seen:
        if row["outcome"] == "leak_unknown":
            assert quality < 50
        else:
            assert quality >= GOOD, row


def test_images_that_are_not_planted_as_alike_are_far_apart(seen) -> None:  # type: ignore[no-untyped-def]
    informative = [(row, bits) for row, bits, _ in seen if row["outcome"] != "leak_unknown"]
    hashes = np.stack([bits for _, bits in informative]).astype(np.int32)
    # For bits, the distance is |a| + |b| - 2 a.b: one matrix product gives all pairs.
    weight = hashes.sum(axis=1)
    distance = weight[:, None] + weight[None, :] - 2 * (hashes @ hashes.T)
    planted = 0
    for left, right in np.argwhere(np.triu(distance <= FAR, k=1)):
        one, two = informative[left][0], informative[right][0]
        group = {one["row_id"], one["other"]} & {two["row_id"], two["other"]} - {""}
        conflict = one["outcome"] == two["outcome"] == "label_conflict" and one["note"] == two["note"]
        assert group or conflict, (one, two, distance[left, right])
        assert distance[left, right] <= NEAR, (one, two)
        planted += 1
    assert planted >= 20


def test_planted_duplicates_are_near_what_they_copy(seen) -> None:  # type: ignore[no-untyped-def]
    bits = {row["row_id"]: hash_ for row, hash_, _ in seen}
    for row, hash_, _ in seen:
        if row["outcome"] in ("exact_duplicate", "near_duplicate"):
            assert int((hash_ != bits[row["other"]]).sum()) <= NEAR, row


def test_held_out_images_are_near_their_leaks_and_far_from_all_others(seen, held_out) -> None:  # type: ignore[no-untyped-def]
    turned = 0
    for row, hash_, _ in seen:
        for item, variants in held_out.items():
            apart = min(int((hash_ != variant).sum()) for variant in variants)
            if row["other"] == item:
                assert apart <= 10, row
                turned += int((hash_ != variants[0]).sum()) > FAR
            elif "placeholder" not in row["note"]:  # one of them is held out
                assert apart > FAR, (row, item)
    assert turned == 2  # one is mirrored, one is turned
    for one, two in combinations(sorted(held_out), 2):
        assert min(int((held_out[one][0] != variant).sum()) for variant in held_out[two]) > FAR


def test_exact_duplicates_have_the_same_pixels_and_near_ones_have_not(rows, truth) -> None:  # type: ignore[no-untyped-def]
    by_id = {row.row_id: row for row in rows}
    for row in truth:
        if row["outcome"] in ("exact_duplicate", "near_duplicate"):
            one, two = by_id[row["row_id"]].picture(), by_id[row["other"]].picture()
            same = one.size == two.size and one.tobytes() == two.tobytes()
            assert same == (row["outcome"] == "exact_duplicate"), row


def test_leaks_by_bytes_have_the_pixels_of_the_held_out_file(corpus: Corpus, rows, truth) -> None:  # type: ignore[no-untyped-def]
    by_id = {row.row_id: row for row in rows}
    folder = corpus.folder / "benchmarks" / "biota-heldout" / "images"
    for row in truth:
        if row["outcome"] in ("leak_bytes", "leak_hamming"):
            held = Image.open(folder / row["other"]).convert("RGB")
            mine = by_id[row["row_id"]].picture()
            same = held.size == mine.size and held.tobytes() == mine.tobytes()
            assert same == (row["outcome"] == "leak_bytes"), row


def test_relatives_look_alike_rank_by_rank() -> None:
    cast = load_species()
    lion, puma, sparrow, oak = (
        cast[key].look for key in ("Panthera leo", "Puma concolor", "Passer domesticus", "Quercus robur")
    )
    assert lion.coat == puma.coat and lion.body == puma.body and lion.ground == puma.ground  # one family
    assert (lion.pattern, lion.frequency, lion.mark) != (puma.pattern, puma.frequency, puma.mark)  # two genera
    assert sparrow.ground == puma.ground and sparrow.coat != puma.coat  # one kingdom, two classes
    assert oak.ground != puma.ground  # two kingdoms


@settings(max_examples=25, deadline=None)
@given(
    key=st.text(max_size=12),
    species=st.sampled_from(SPECIES),
    width=st.integers(40, 240),
    height=st.integers(40, 240),
)
def test_a_drawing_is_a_function_of_look_key_and_size(key: str, species: str, width: int, height: int) -> None:
    look = load_species()[species].look
    one, two = (draw_picture(look, key, (width, height)) for _ in range(2))
    assert one.size == (width, height) and one.tobytes() == two.tobytes()


@settings(max_examples=15, deadline=None)
@given(key=st.text(max_size=12), present=st.lists(st.sampled_from(SPECIES), min_size=1, max_size=4))
def test_boxes_of_a_frame_lie_inside_and_never_touch(key: str, present: list[str]) -> None:
    cast = load_species()
    frame, boxes = draw_frame([cast[species].look for species in present], key, (480, 360))
    assert len(boxes) == len(present)
    for x, y, width, height in boxes:
        assert x >= 0 and y >= 0 and width >= 40 and height >= 40
        assert x + width <= frame.width and y + height <= frame.height
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def test_a_jpeg_comment_changes_the_bytes_and_no_pixel() -> None:
    image = draw_picture(load_species()["Puma concolor"].look, "key", (80, 60))
    plain, noted = jpeg(image), jpeg(image, comment=b"note")
    assert plain != noted
    assert Image.open(io.BytesIO(plain)).tobytes() == Image.open(io.BytesIO(noted)).tobytes()
