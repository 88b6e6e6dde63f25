"""The leak check: what is a leak, what is unknown, and that one failed hash changes nobody else's decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from dedup import HASH_SPEC, write_hash_list
from manifests import LikenessRules
from pipeline.likeness.check import LeakReport, check_leaks
from pipeline.likeness.hashing import HASHED_SCHEMA, hash_set
from tests.pipeline.likeness.pictures import grain, jpeg, lay


def decided(report: LeakReport) -> dict[str, tuple[str, str]]:
    return {row["train"]: (row["decision"], row["rule"]) for row in report.leaks.to_pylist()}


def test_every_kind_of_leak_is_found_and_named(tmp_path: Path) -> None:
    held = lay(tmp_path / "held", a=grain(1), b=grain(2), c=grain(3), d=grain(4))
    (held / "pixels.png").write_bytes(b"")
    grain(5).save(held / "pixels.png")
    train = lay(
        tmp_path / "train",
        bytes=(held / "a.jpg").read_bytes(),
        small=jpeg(grain(2).resize((120, 90)), 60),
        mirrored=grain(3).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        turned=grain(4).transpose(Image.Transpose.ROTATE_270),
        clean=grain(9),
    )
    grain(5).save(train / "pixels.bmp")
    report = check_leaks(hash_set([train], turned=False), hash_set([held]))
    assert decided(report) == {
        "bytes.jpg": ("leak", "bytes"),
        "small.jpg": ("leak", "hamming"),
        "mirrored.jpg": ("leak", "hamming"),
        "turned.jpg": ("leak", "hamming"),
        "pixels.bmp": ("leak", "pixels"),
    }
    assert report.state("leaked") == 5
    near = {row["train"]: row for row in report.leaks.to_pylist()}
    assert 0 <= near["small.jpg"]["residual"] <= 6
    assert near["mirrored.jpg"]["residual"] == -1


def test_what_no_hash_can_clear_is_unknown_on_either_side(tmp_path: Path) -> None:
    faint = Image.blend(grain(7).convert("L"), Image.new("L", (240, 180), 128), 0.9).convert("RGB")
    held = lay(tmp_path / "held", faint=faint, broken=jpeg(grain(1))[:1500], fine=grain(2))
    train = lay(
        tmp_path / "train",
        flat=Image.new("RGB", (200, 150), "white"),
        broken=jpeg(grain(3))[:1500],
        strong=grain(7),  # the held-out copy is faint: its hash alone proves nothing
        fine=grain(4),
    )
    report = check_leaks(hash_set([train], turned=False), hash_set([held]))
    assert decided(report) == {
        "flat.jpg": ("leak_unknown", "low information"),
        "broken.jpg": ("leak_unknown", "no hash"),
        "strong.jpg": ("leak_unknown", "doubtful"),
    }
    states = {row["item"]: row["state"] for row in report.items.to_pylist()}
    assert states == {"faint.jpg": "not_covered", "broken.jpg": "not_covered", "fine.jpg": "clean"}


def test_keys_of_two_lists_are_compared(tmp_path: Path) -> None:
    for name, keys in (("train", ["inat:1", "inat:2", "inat:3"]), ("held", ["inat:2", "inat:9", "inat:8"])):
        write_hash_list(tmp_path / f"{name}.csv", pa.table({"item": ["x", "y", "z"], "media_key": keys}))
    report = check_leaks(hash_set([tmp_path / "train.csv"]), hash_set([tmp_path / "held.csv"]))
    assert decided(report) == {
        "x": ("leak_unknown", "no hash"),
        "y": ("leak", "media_key"),
        "z": ("leak_unknown", "no hash"),
    }
    assert {row["item"]: row["train"] for row in report.items.to_pylist() if row["state"] == "leaked"} == {"x": "y"}


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped": lambda image: image.crop((8, 6, 392, 294)),
    "cut-on-two-sides": lambda image: image.crop((0, 0, 390, 293)),
    "bordered": lambda image: ImageOps.expand(image, 8, "white"),
    "tilted": lambda image: image.rotate(2, Image.Resampling.BICUBIC),
    "mirrored-and-cropped": lambda image: ImageOps.mirror(image.crop((8, 6, 392, 294))),
    "turned-and-bordered": lambda image: ImageOps.expand(image.transpose(Image.Transpose.ROTATE_90), 6, "black"),
}


def test_crops_borders_and_turns_leak_by_both_hashes_at_once(tmp_path: Path) -> None:
    pictures = {name: grain(100 + number, (400, 300)) for number, name in enumerate(CHANGES)}
    held = hash_set([lay(tmp_path / "held", **pictures)])
    changed = {name: CHANGES[name](picture) for name, picture in pictures.items()}
    train = hash_set([lay(tmp_path / "train", other=grain(9), **changed)], turned=False)
    found = check_leaks(train, held)
    assert {name for name, (decision, _) in decided(found).items() if decision == "leak"} == {
        f"{name}.jpg" for name in CHANGES
    }
    assert "other.jpg" not in decided(found)
    assert found.state("leaked") == len(CHANGES)
    by_both = [row for row in found.leaks.to_pylist() if row["rule"] == "leak_pair"]
    assert len(by_both) >= 4
    for row in by_both:
        assert row["item"] == row["train"]
        assert 30 < row["distance"] <= 90 and 0 <= row["phash_distance"] <= 10


@pytest.mark.parametrize(
    "rules",
    [LikenessRules(leak_distance=2, leak_pair_phash=-1), LikenessRules(leak_distance=2, leak_pair_pdq=-1)],
    ids=["no pHash", "no PDQ"],
)
def test_without_the_rule_of_both_hashes_a_crop_is_only_for_review(tmp_path: Path, rules: LikenessRules) -> None:
    picture = grain(1, (400, 300))
    held = hash_set([lay(tmp_path / "held", a=picture)])
    train = hash_set([lay(tmp_path / "train", a=picture.crop((8, 6, 392, 294)))], turned=False)
    found = check_leaks(train, held, rules)
    assert decided(found) == {"a.jpg": ("review", "review")}
    assert found.state("leaked") == 0 and found.state("clean") == 1
    assert decided(check_leaks(train, held, rules, review=(-1, 100))) == {}
    asked = check_leaks(train, held, replace(rules, leak_phash_distance=10))
    assert decided(asked) == {"a.jpg": ("leak", "phash")}
    assert asked.state("leaked") == 1


def both(pdq: np.ndarray, phash: np.ndarray, quality: int | None) -> dict[str, object]:
    return {"pdq": pdq.tobytes().hex(), "phash": phash.tobytes().hex(), "quality": quality}


def test_a_near_phash_of_one_item_does_not_hide_another_that_is_near_in_both() -> None:
    random = np.random.default_rng(4)
    pdq, phash = random.integers(0, 256, (3, 32), dtype=np.uint8), random.integers(0, 256, (1, 8), dtype=np.uint8)
    further = phash[0].copy()
    further[0] ^= 0b111
    # Item 0 has the nearest pHash and an unrelated PDQ; item 1 is a little further in pHash and near in PDQ.
    near = pdq[2].copy()
    near[:8] ^= 0xFF
    held = table([both(pdq[0], phash[0], 90), both(near, further, 90)])
    found = check_leaks(table([both(pdq[2], phash[0], 90)]), held).leaks.to_pylist()
    assert [(row["item"], row["rule"], row["distance"], row["phash_distance"]) for row in found] == [
        ("001", "leak_pair", 64, 3)
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (90, 90, ("leak", "leak_pair")),
        (90, 20, ("leak_unknown", "doubtful")),
        (90, None, ("leak_unknown", "doubtful")),
        (20, 90, ("leak_unknown", "low information")),
    ],
)
def test_hashes_that_say_little_prove_no_leak_and_clear_nothing(
    ours: int, theirs: int | None, expected: tuple[str, str]
) -> None:
    random = np.random.default_rng(6)
    pdq, phash = random.integers(0, 256, 32, dtype=np.uint8), random.integers(0, 256, 8, dtype=np.uint8)
    near = pdq.copy()
    near[:8] ^= 0xFF
    found = check_leaks(table([both(near, phash, ours)]), table([both(pdq, phash, theirs)]))
    assert decided(found) == {"000": expected}


def test_every_row_of_the_report_says_by_what_it_is_there_and_stands_in_the_order_of_the_names() -> None:
    random = np.random.default_rng(8)
    pdq, phash = random.integers(0, 256, (2, 32), dtype=np.uint8), random.integers(0, 256, (2, 8), dtype=np.uint8)
    near = pdq[0].copy()
    near[0] ^= 0b1011
    held = table([both(pdq[0], phash[0], 90) | {"item": "z"}, both(pdq[1], phash[1], 90) | {"item": "y"}])
    held = pa.concat_tables([held, table([{"item": "x", "media_key": "k"}])])
    train = table(
        [
            {"item": "t3", "outcome": "corrupt"},
            both(near, phash[0], 90) | {"item": "t2"},
            both(pdq[1], phash[1], 12) | {"item": "t1"},
            {"item": "t0", "media_key": "k"},
        ]
    )
    report = check_leaks(train, held)
    none = {"distance": -1, "phash_distance": -1, "variant": -1, "residual": -1.0}
    unknown = {"benchmark": None, "item": None, "decision": "leak_unknown", **none}
    assert report.leaks.to_pylist() == [
        {"train": "t0", "benchmark": "b", "item": "x", "rule": "media_key", "decision": "leak", "detail": None, **none},
        {"train": "t1", "rule": "low information", "detail": "quality 12, at least 50 needed", **unknown},
        {"train": "t2", "benchmark": "b", "item": "z", "rule": "hamming", "decision": "leak", "detail": None}
        | {**none, "distance": 3, "variant": 0},
        {"train": "t3", "rule": "no hash", "detail": "corrupt", **unknown},
    ]
    assert report.items.to_pylist() == [
        {"benchmark": "b", "item": "x", "state": "leaked", "train": "t0", "rule": "media_key", "distance": 0},
        {"benchmark": "b", "item": "y", "state": "clean", "train": None, "rule": None, "distance": None},
        {"benchmark": "b", "item": "z", "state": "leaked", "train": "t2", "rule": "hamming", "distance": 3},
    ]


def table(rows: list[dict[str, object]]) -> pa.Table:
    named = [{"benchmark": "b", "item": f"{n:03}", "spec": HASH_SPEC, **row} for n, row in enumerate(rows)]
    return pa.Table.from_pylist(named, HASHED_SCHEMA)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    failed=st.sets(st.integers(0, 19)),
    flips=st.lists(st.integers(0, 60), min_size=20, max_size=20),
)
def test_a_missing_hash_changes_nobody_elses_outcome_and_brute_force_agrees(
    seed: int, failed: set[int], flips: list[int]
) -> None:
    random = np.random.default_rng(seed)
    held = random.integers(0, 256, (5, 32), dtype=np.uint8)
    train = []
    for number, count in enumerate(flips):
        bits = np.zeros(256, np.uint8)
        bits[random.choice(256, count, replace=False)] = 1
        train.append(held[number % 5] ^ np.packbits(bits))
    items = table([{"pdq": row.tobytes().hex(), "quality": 90} for row in held])
    whole = table([{"pdq": row.tobytes().hex(), "quality": 90} for row in train])
    some = table(
        [
            {"outcome": "corrupt"} if number in failed else {"pdq": row.tobytes().hex(), "quality": 90}
            for number, row in enumerate(train)
        ]
    )
    honest = {
        f"{number:03}"
        for number, row in enumerate(train)
        if min(int(np.bitwise_count(row ^ each).sum()) for each in held) <= 30
    }
    assert {name for name, (decision, _) in decided(check_leaks(whole, items)).items() if decision == "leak"} == honest
    found = decided(check_leaks(some, items))
    assert {name for name, (decision, _) in found.items() if decision == "leak"} == {
        name for name in honest if int(name) not in failed
    }
    assert {name for name, (decision, _) in found.items() if decision == "leak_unknown"} == {f"{n:03}" for n in failed}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_hash_list_stands_for_its_images(tmp_path: Path, suffix: str) -> None:
    held = lay(tmp_path / "held", **{f"h{n}": grain(n) for n in range(4)})
    train = hash_set([lay(tmp_path / "train", x=jpeg(grain(2), 50), y=grain(8))], turned=False)
    rows = hash_set([held], "mine")
    write_hash_list(tmp_path / f"mine.{suffix}", rows)
    listed = check_leaks(train, hash_set([tmp_path / f"mine.{suffix}"]))
    columns = ["train", "benchmark", "item", "rule", "decision", "distance"]
    assert listed.leaks.select(columns).equals(check_leaks(train, rows).leaks.select(columns))
    assert listed.leaks.num_rows == 1
