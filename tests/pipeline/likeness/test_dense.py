"""Dense groups of near images: what is dropped names a kept image that it verifies against, and no two are alike."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dedup import RESIDUAL_LIMIT, block_of, hash_image, luma_of
from manifests import LikenessRules
from pipeline.commands.cli import main
from pipeline.likeness import find_duplicates
from pipeline.likeness.dense import NO_GROUP, Alike, fold, near_edges
from pipeline.likeness.hashing import HASHED_SCHEMA
from pipeline.likeness.verification import Given, residuals_at
from tests.pipeline.likeness.pictures import grain, jpeg

BUDGET = 64 << 20


def listed(hashes: np.ndarray, thumbnails: list[bytes | None], pixels: list[str] | None = None) -> pa.Table:
    rows = [
        {"benchmark": "b", "item": f"{i:06d}", "pdq": row.tobytes().hex(), "quality": 90, "thumbnail": thumbnails[i]}
        | ({} if pixels is None else {"pixel_sha256": pixels[i]})
        for i, row in enumerate(hashes)
    ]
    return pa.Table.from_pylist(rows, HASHED_SCHEMA)


def dense(count: int, random: np.random.Generator) -> np.ndarray:
    """Hashes that differ from one hash in up to five of 40 bits, so each lies within ten of each other."""
    hashes = np.repeat(random.integers(0, 256, (1, 32), dtype=np.uint8), count, axis=0)
    for bit in random.integers(0, 40, (5, count)):
        hashes[np.arange(count), bit // 8] ^= (1 << (bit % 8)).astype(np.uint8)
    return hashes


def test_the_default_residual_is_the_one_that_was_measured() -> None:
    assert LikenessRules().duplicate_residual == RESIDUAL_LIMIT


def test_twenty_thousand_near_hashes_become_one_and_as_many_pairs() -> None:
    hashes = dense(20_000, np.random.default_rng(1))
    found = find_duplicates(listed(hashes, [None] * len(hashes)))
    assert (found.count("kept"), found.count("near_duplicate")) == (1, 19_999)
    assert found.pairs.num_rows == 19_999


def test_fifteen_hundred_frames_of_one_scene_fall_to_frames_they_verify_against() -> None:
    random = np.random.default_rng(2)
    scene = np.asarray(block_of(luma_of(grain(7)))).astype(np.int16)
    frames = np.clip(scene + random.integers(-2, 3, (1500, 64, 64)), 0, 255).astype(np.uint8)
    frames[::250, 8:24, 8:24] = 250  # an animal came by
    hashes = dense(1500, random)
    thumbnails = [frame.tobytes() for frame in frames]
    found = find_duplicates(listed(hashes, list(thumbnails)))
    kept = [row["item"] for row in found.decisions.to_pylist() if row["decision"] == "kept"]
    assert len(kept) == 2
    for row in found.decisions.to_pylist():
        if row["decision"] == "dropped":
            ends = Given([thumbnails[int(row["item"])], thumbnails[int(row["other"])]])
            assert row["other"] in kept
            assert residuals_at(ends, np.array([0]), np.array([1]))[0] <= RESIDUAL_LIMIT


def test_pictures_of_one_hash_are_one_only_where_they_verify() -> None:
    hashes = np.repeat(np.arange(32, dtype=np.uint8)[np.newaxis], 3, axis=0)
    still = np.asarray(block_of(luma_of(grain(3))))
    other = still.copy()
    other[10:20, 10:20] = 255 - other[10:20, 10:20]
    found = find_duplicates(listed(hashes, [still.tobytes(), other.tobytes(), still.tobytes()], ["p", "q", "r"]))
    ends = {row["item"]: (row["outcome"], row["other"]) for row in found.decisions.to_pylist()}
    assert ends == {"000000": ("kept", None), "000001": ("kept", None), "000002": ("near_duplicate", "000000")}


def test_two_labels_of_one_dense_group_are_a_conflict_of_all_its_images() -> None:
    hashes = dense(4000, np.random.default_rng(4))
    labels = {f"{i:06d}": "deer" if i % 2 else "boar" for i in range(4000)}
    found = find_duplicates(listed(hashes, [None] * 4000), labels=labels)
    assert found.count("label_conflict") == 4000


def test_a_folder_of_a_camera_keeps_few_frames_and_names_them(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(6)
    scene = np.asarray(grain(8, (72, 64)).convert("L").convert("RGB")).astype(np.int16)
    (tmp_path / "year").mkdir()
    for n in range(1200):
        frame = np.clip(scene + random.integers(-3, 4, scene.shape), 0, 255).astype(np.uint8)
        (tmp_path / "year" / f"{n:04d}.jpg").write_bytes(jpeg(Image.fromarray(frame), 92))
    assert main(["dedup", str(tmp_path / "year"), "-o", str(tmp_path / "out")]) == 0
    dropped = pq.read_table(tmp_path / "out" / "dropped.parquet")
    kept = set(pq.read_table(tmp_path / "out" / "kept.parquet")["item"].to_pylist())
    assert len(kept) < 20
    assert set(dropped["other"].to_pylist()) <= kept
    assert all(json.loads(said)["distance"] <= 10 for said in dropped["evidence"].to_pylist())
    assert all(json.loads(said)["residual"] <= RESIDUAL_LIMIT for said in dropped["evidence"].to_pylist())
    # Nearly all of 719,400 pairs lie within the distance.
    assert pq.read_table(tmp_path / "out" / "pairs.parquet").num_rows < 3000


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 4))
def test_folding_keeps_both_promises_whatever_is_refused(seed: int, count: int, kinds: int) -> None:
    """Against brute force: labels, groups, refusals and which nodes count as dense are all drawn."""
    random = np.random.default_rng(seed)
    hashes = dense(count, random)
    for bit in random.integers(0, 256, (6, count)):
        hashes[np.arange(count), bit // 8] ^= (1 << (bit % 8)).astype(np.uint8)
    scenes = random.integers(20, 230, (3, 64, 64), dtype=np.uint8)
    thumbnails = [scenes[k].tobytes() for k in random.integers(0, 3, count)]
    label = random.integers(0, kinds, count)
    group = np.where(random.random(count) < 0.3, random.integers(0, 3, count), NO_GROUP)
    alike = Alike(Given(thumbnails), 6.0, group, label)
    nodes = np.arange(count)
    folds = fold(hashes, nodes, random.random(count) < 0.6, alike, 10)
    near = near_edges(folds, BUDGET)
    assert near.residual is not None
    edges = {(a, b) for a, b, r in zip(near.left.tolist(), near.right.tolist(), near.residual.tolist(), strict=True)
             if r <= 6 and alike(np.array([a]), np.array([b]), np.array([0], np.int16))[0]}  # fmt: skip
    kept: list[int] = []
    for place in folds.stays.tolist():
        if not any((min(k, place), max(k, place)) in edges for k in kept):
            kept.append(place)
    orphans = [b for a, b in zip(folds.edges.left.tolist(), folds.edges.right.tolist(), strict=True) if a not in kept]
    to = folds.reassign(np.array(sorted(orphans), np.int64), np.array(kept, np.int64))
    kept += [a for a, b in zip(to.left.tolist(), to.right.tolist(), strict=True) if a == b]

    def same(a: int, b: int) -> bool:
        close = int(np.bitwise_count(hashes[a] ^ hashes[b]).sum()) <= 10
        return close and bool(alike(np.array([a]), np.array([b]), np.array([0], np.int16))[0])

    assert not any(same(a, b) for a, b in itertools.combinations(kept, 2))
    for host, place in [*zip(folds.edges.left.tolist(), folds.edges.right.tolist(), strict=True)]:
        if host in kept and place not in orphans:
            assert same(host, place)
    for host, place in zip(to.left.tolist(), to.right.tolist(), strict=True):
        assert host in kept
        assert host == place or same(host, place)


def test_thumbnails_of_the_hash_are_those_of_the_picture() -> None:
    picture = grain(5)
    assert hash_image(picture).thumbnail == block_of(luma_of(picture)).tobytes()
