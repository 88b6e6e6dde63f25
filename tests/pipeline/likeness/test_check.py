"""The leak check: what is a leak, what is unknown, and that one failed hash changes nobody else's fate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dedup import HASH_SPEC, write_hash_list
from manifests import LikenessRules
from pipeline.likeness.check import check_leaks
from pipeline.likeness.hashing import HASHED_SCHEMA, hash_set
from tests.pipeline.likeness.pictures import grain, jpeg, lay


def decided(report) -> dict[str, tuple[str, str]]:
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


def test_the_phash_finds_a_crop_where_it_is_asked_for(tmp_path: Path) -> None:
    picture = grain(1, (400, 300))
    held = hash_set([lay(tmp_path / "held", a=picture)])
    train = hash_set([lay(tmp_path / "train", a=picture.crop((8, 6, 392, 294)))], turned=False)
    rules = LikenessRules(leak_distance=2)
    assert decided(check_leaks(train, held, rules)) == {"a.jpg": ("review", "review")}
    found = check_leaks(train, held, LikenessRules(leak_distance=2, leak_phash_distance=10))
    assert decided(found) == {"a.jpg": ("leak", "phash")}
    assert found.state("leaked") == 1


def table(rows: list[dict[str, object]]) -> pa.Table:
    named = [{"benchmark": "b", "item": f"{n:03}", "spec": HASH_SPEC, **row} for n, row in enumerate(rows)]
    return pa.Table.from_pylist(named, HASHED_SCHEMA)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    failed=st.sets(st.integers(0, 19)),
    flips=st.lists(st.integers(0, 60), min_size=20, max_size=20),
)
def test_a_missing_hash_changes_nobody_elses_fate_and_brute_force_agrees(seed: int, failed: set[int], flips) -> None:
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
