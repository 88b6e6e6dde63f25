"""Canaries are copies of held-out images, planted at every distance that the search promises to see."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from dedup import HASH_LIST_SCHEMA, BothHashes, HeldOut, HeldOutPair, find_pair_leaks, hash_image
from dedup.joint import BothNear
from manifests import LikenessRules
from pipeline.likeness import pair_certificate
from pipeline.likeness.canaries import audited, changed_copies, planted_hashes, planted_images
from pipeline.likeness.pair_certificate import by_pair
from tests.pipeline.likeness.pictures import grain

RULES = LikenessRules()


def thumbnail(seed: int) -> bytes:
    return grain(seed).convert("L").resize((64, 64), Image.Resampling.BICUBIC).tobytes()


def held_out(count: int, quality: int = 90) -> pa.Table:
    """Held-out items that have hashes of themselves in one way up, and a thumbnail."""
    rows = []
    for number in range(count):
        hashes = hash_image(grain(number))
        rows.append(
            {"benchmark": "b", "item": f"{number}.jpg", "pdq": hashes.pdq.hex(), "quality": quality}
            | {"phash": f"{hashes.phash:016x}", "thumbnail": thumbnail(number)}
        )
    return pa.Table.from_pylist(rows, HASH_LIST_SCHEMA.append(pa.field("thumbnail", pa.binary())))


def hashes_of(seeds: Sequence[int], phash_flips: int = 0, pdq_flips: int = 0) -> BothHashes:
    """Hashes of pictures with so many bits turned over in each, from the first bit on."""
    pairs = [hash_image(grain(seed)) for seed in seeds]
    phash = np.array([list(each.phash.to_bytes(8, "big")) for each in pairs], np.uint8).reshape(-1, 8)
    pdq = np.array([list(each.pdq) for each in pairs], np.uint8).reshape(-1, 32)
    for hashes, flips in ((phash, phash_flips), (pdq, pdq_flips)):
        mask = np.zeros(hashes.shape[1] * 8, np.uint8)
        mask[:flips] = 1
        hashes ^= np.packbits(mask)
    return BothHashes(phash, pdq)


def test_planted_hashes_lie_at_every_distance_up_to_the_promised_one_and_no_further() -> None:
    held = HeldOut.from_table(held_out(3))
    planted = planted_hashes(held, 30, most=31)
    assert planted.shape == (31, 32)
    nearest = [int(np.bitwise_count(held.pdq ^ row).sum(axis=1).min()) for row in planted]
    assert nearest == list(range(31))


def test_planted_hashes_take_the_items_in_turn_and_flip_other_bits_each_time() -> None:
    held = HeldOut.from_table(held_out(3))
    planted = planted_hashes(held, 30, most=100)
    owners = [int(np.bitwise_count(held.pdq ^ row).sum(axis=1).argmin()) for row in planted]
    assert sorted(owners.count(item) for item in range(3)) == [33, 33, 34]
    assert owners[:3] == owners[3:6] and len(set(owners[:3])) == 3
    masks = {(held.pdq[owner] ^ row).tobytes() for owner, row in zip(owners[-9:], planted[-9:], strict=True)}
    assert len(masks) == 9


def test_planted_hashes_follow_from_the_items_names_and_not_from_their_order() -> None:
    table = held_out(4)
    turned = table.take(pa.array([2, 0, 3, 1]))
    one, two = (planted_hashes(HeldOut.from_table(each), 30) for each in (table, turned))
    assert one.tolist() == two.tolist()
    assert len(one) == 100


def test_nothing_is_planted_of_nothing() -> None:
    held = HeldOut.from_table(held_out(1))
    assert len(planted_hashes(held, 30, most=0)) == 0
    assert len(planted_hashes(HeldOut.from_table(held_out(1).slice(0, 0)), 30)) == 0
    assert planted_hashes(held, 30, most=1).tolist() == held.pdq.tolist()


def test_changed_images_are_named_by_what_was_done_and_hash_near_their_original() -> None:
    thumbnails = {f"{seed}.jpg": thumbnail(seed) for seed in range(30)}
    copies = planted_images(thumbnails, 50)
    assert len(copies) == 24
    assert len({name.partition(", ")[2] for name, _ in copies}) == 6
    assert copies == planted_images(dict(reversed(thumbnails.items())), 50)
    for name, pdq in copies:
        item, _, done = name.partition(", ")
        original = Image.frombytes("L", (64, 64), thumbnails[item]).resize((256, 256), Image.Resampling.BICUBIC)
        turns = [original.transpose(turn) for turn in Image.Transpose] + [original]
        between = [
            int(np.bitwise_count(np.frombuffer(hash_image(each).pdq, np.uint8) ^ np.frombuffer(pdq, np.uint8)).sum())
            for each in turns
        ]
        assert min(between) <= 30, name
        if "mirrored" in done:
            assert between.index(min(between)) == list(Image.Transpose).index(Image.Transpose.FLIP_LEFT_RIGHT)
        if "turned by 90" in done:
            assert between.index(min(between)) == list(Image.Transpose).index(Image.Transpose.ROTATE_90)


def test_copies_whose_hash_says_too_little_are_left_out() -> None:
    flat = {"flat.jpg": bytes([128]) * 4096, "grain.jpg": thumbnail(1)}
    names = [name for name, _ in planted_images(flat, 50)]
    assert [name.partition(",")[0] for name in names] == ["grain.jpg"]
    quality = next(hashes.quality for _, hashes in changed_copies({"a": thumbnail(1)}, plain, 0))
    assert len(list(changed_copies({"a": thumbnail(1)}, plain, quality))) == 1
    assert len(list(changed_copies({"a": thumbnail(1)}, plain, quality + 1))) == 0


def plain(image: Image.Image, number: int) -> tuple[str, bytes]:

    assert image.size == (256, 256)
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"copy {number}", out.getvalue()


def test_brute_force_compares_all_where_it_may_and_always_the_canaries() -> None:
    rows, columns = audited(10, 14, 5, str, 70)
    assert (rows.tolist(), columns) == (list(range(14)), 5)
    rows, columns = audited(10, 14, 5, str, 69)  # 13 rows of 5: nine kept ones and the canaries
    assert columns == 5 and len(rows) == 13
    assert rows.tolist()[-4:] == [10, 11, 12, 13] and rows.tolist() == sorted(rows.tolist())
    rows, columns = audited(10, 14, 5, str, 8)  # so few that even the canaries meet only two held-out hashes
    assert (rows.tolist(), columns) == ([10, 11, 12, 13], 2)
    rows, columns = audited(10, 14, 5, str, 1)
    assert (rows.tolist(), columns) == ([10, 11, 12, 13], 1)


def test_the_rows_left_out_follow_from_their_names() -> None:
    names = [f"image {number}" for number in range(50)]
    one, _ = audited(50, 50, 1, names.__getitem__, 20)
    two, _ = audited(50, 50, 1, names[::-1].__getitem__, 20)
    assert len(one) == 20
    assert sorted(names[row] for row in one) == sorted(names[::-1][row] for row in two)


def said(kept: BothHashes, items: pa.Table, rules: LikenessRules = RULES, audit: int = 10**8) -> list[tuple[bool, str]]:
    names = [f"kept {number}" for number in range(len(kept))]
    return list(by_pair("b", kept, names, items, rules, audit))


def test_a_pair_certificate_holds_where_nothing_is_near_and_finds_all_that_it_planted() -> None:
    leaks, canaries, audit = said(hashes_of(range(100, 120)), held_out(5))
    assert [leaks[0], canaries[0], audit[0]] == [True, True, True]
    assert "b, pHash and PDQ together: no kept image of 20 lies within 10 bits of pHash and 90 of PDQ" in leaks[1]
    assert "of one of 5 held-out images, mirrored or turned" in leaks[1] and "such as" not in leaks[1]
    assert "found 100 of 100 planted canaries" in canaries[1]
    assert "5 cropped, bordered and turned copies" in canaries[1]
    assert "over 125 x 5 pairs of hashes finds the same images" in audit[1]


@pytest.mark.parametrize(
    ("phash", "pdq", "leaks"), [(10, 90, True), (11, 90, False), (10, 91, False), (0, 0, True), (64, 0, False)]
)
def test_a_pair_certificate_fails_only_where_both_hashes_are_near(phash: int, pdq: int, leaks: bool) -> None:
    near = hashes_of([3], phash, pdq)
    far = hashes_of(range(100, 104))
    kept = BothHashes(np.concatenate([far.phash, near.phash]), np.concatenate([far.pdq, near.pdq]))
    found, canaries, audit = said(kept, held_out(5))
    assert found[0] is not leaks
    assert ("1 kept image of 5" in found[1] and "such as kept 4" in found[1]) is leaks
    assert canaries[0] and audit[0]


def test_items_whose_own_hash_says_little_are_a_statement_of_their_own_unless_the_recipe_keeps_what_is_near() -> None:
    items = pa.concat_tables([held_out(2), held_out(4, quality=49).slice(2)])
    kept = hashes_of([3, 100])
    clear, doubtful = said(kept, items)[:3], said(kept, items)[3:]
    assert [holds for holds, _ in clear] == [True, True, True]
    assert [holds for holds, _ in doubtful] == [False, True, True]
    assert "of one of 2 held-out images whose own hash says little" in doubtful[0][1]
    assert "cropped" not in doubtful[1][1]
    assert said(kept, items, replace(RULES, leak_unknown="keep")) == clear


def test_items_with_only_one_of_the_two_hashes_are_no_part_of_it() -> None:
    items = held_out(3)
    without = items.set_column(items.schema.get_field_index("phash"), "phash", pa.nulls(3, pa.string()))
    assert said(hashes_of([0]), without) == []
    assert len(HeldOutPair.from_table(without).hashes) == 0


def forgetting(*rows: int) -> Callable[..., BothNear]:
    """The search as it is, but that it never finds these rows."""

    def search(*given: Any) -> BothNear:
        found = find_pair_leaks(*given)
        keep = ~np.isin(found.left, rows)
        return replace(found, **{each.name: getattr(found, each.name)[keep] for each in fields(found)})

    return search


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [((20, 119), "found 98 of 100 planted canaries"), ((120, 121, 122, 123, 124), "and it found 0")],
    ids=["canaries", "changed copies"],
)
def test_a_search_that_misses_what_was_planted_is_no_proof(
    monkeypatch: pytest.MonkeyPatch, forgotten: tuple[int, ...], told: str
) -> None:
    monkeypatch.setattr(pair_certificate, "find_pair_leaks", forgetting(*forgotten))
    leaks, canaries, audit = said(hashes_of(range(100, 120)), held_out(5))
    assert [leaks[0], canaries[0], audit[0]] == [True, False, False]
    assert told in canaries[1] and "finds other images within both" in audit[1]


def test_a_search_that_misses_a_leak_is_contradicted_by_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_certificate, "find_pair_leaks", forgetting(0))
    leaks, canaries, audit = said(hashes_of([3, 100]), held_out(5))
    assert [leaks[0], canaries[0], audit[0]] == [True, True, False]


def test_a_short_audit_that_finds_all_the_same_contradicts_nothing() -> None:
    twice = pa.concat_tables([held_out(1), held_out(1).set_column(1, "item", pa.array(["again.jpg"]))])
    _, _, audit = said(hashes_of([100]), twice, audit=103)
    assert audit[0] and "over 103 x 1 pairs of hashes" in audit[1]
    assert "finds the same images within both (102, canaries included)" in audit[1]


def test_a_short_audit_says_how_little_it_compared_and_contradicts_nothing() -> None:
    _, _, audit = said(hashes_of(range(100, 120)), held_out(5), audit=210)
    assert audit[0]
    assert "over 105 x 2 pairs of hashes" in audit[1]
