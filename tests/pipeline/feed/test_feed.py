"""A batch is a function of data, rules and step: whoever reads it, from wherever, and whatever was read before."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feed import Feed, Rules, View, open_store
from pipeline.feed.headers import checked
from pipeline.feed.memory import enough_memory
from pipeline.model.errors import FeedError
from pipeline.shards.tar import header
from pipeline.storage.stores import LocalStore, RemoteStore, Span
from pipeline.storage.stores import open_store as open_place
from tests.conftest import Demo

ROOT = Path(__file__).parents[3]
SMALL = View(size=16)
STREAM = {"mode": "stream", "chunk": 5, "open_shards": 2}
KINDS = [
    {},
    {"sampler": "cap", "cap": 3},
    {"sampler": "sqrt"},
    {"sampler": "balanced"},
    STREAM,
    {**STREAM, "lanes": 4},
    {**STREAM, "sampler": "cap", "cap": 9},
]
NAMES = ["uniform", "cap", "sqrt", "balanced", "stream", "stream in lanes", "stream capped"]


def feed(dataset: Path, **rules: object) -> Feed:
    return Feed(dataset, Rules(**{"batch": 16, **rules}), SMALL)  # type: ignore[arg-type]


def digests(source: Feed, start: int, stop: int) -> list[str]:
    return [batch.digest() for batch in source.steps(start, stop)]


@pytest.mark.parametrize("rules", KINDS, ids=NAMES)
def test_twenty_and_twenty_batches_after_a_resume_equal_forty(dataset: Path, rules: dict[str, object]) -> None:
    whole = digests(feed(dataset, **rules), 0, 40)
    first = feed(dataset, **rules)
    begun, state = digests(first, 0, 20), first.state(20)
    second = feed(dataset, **rules)
    assert begun + digests(second, second.resume(state), 40) == whole
    assert len(set(whole)) == 40


@pytest.mark.parametrize("rules", KINDS, ids=NAMES)
@pytest.mark.parametrize("world", [2, 4, 16])
def test_ranks_share_the_batch_of_one(dataset: Path, rules: dict[str, object], world: int) -> None:
    alone, ranks = feed(dataset, **rules), [feed(dataset, **rules) for _ in range(world)]
    for step in (0, 3, 17):
        one = alone.batch(step)
        parts = [each.batch(step, rank, world) for rank, each in enumerate(ranks)]
        assert [key for part in parts for key in part.keys] == list(one.keys)
        assert b"".join(part.images.tobytes() for part in parts) == one.images.tobytes()


@pytest.mark.parametrize(
    ("rules", "method"), [({}, "fork"), (STREAM, "fork"), ({"threads": 2}, "fork"), (STREAM, "spawn")]
)
def test_worker_processes_read_the_same(dataset: Path, rules: dict[str, object], method: str) -> None:
    source = feed(dataset, **rules)
    source.batch(0)  # files are open before the fork
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as workers:
        found = list(workers.map(digest_of, [source] * 6, range(6)))
    assert found == digests(feed(dataset), 0, 6) if rules != STREAM else digests(source, 0, 6)


def digest_of(source: Feed, step: int) -> str:
    return source.batch(step).digest()


@pytest.mark.parametrize("rules", [{}, STREAM], ids=["index", "stream"])
def test_an_epoch_holds_every_sample_once(dataset: Path, rules: dict[str, object]) -> None:
    source = feed(dataset, **rules, batch=3, split="")
    steps = source.sequence.epoch_steps
    seen = Counter(key for step in range(steps) for key in source.keys(step))
    assert set(seen.values()) == {1}
    assert len(source) - len(seen) < 3
    again = [source.keys(step) for step in range(steps, 2 * steps)]
    assert again != [source.keys(step) for step in range(steps)]


def test_stream_reads_few_shards_at_a_time_each_from_front_to_back(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[Span] = []
    read = LocalStore.spans

    def noted(self: LocalStore, wanted: list[Span]) -> list[bytes]:
        spans.extend(wanted)
        return read(self, wanted)

    monkeypatch.setattr(LocalStore, "spans", noted)
    source = feed(dataset, **STREAM, split="", batch=5)
    for step in range(source.sequence.epoch_steps):
        source.batch(step)
    assert len(spans) == len({(span.name, span.start) for span in spans}) <= 5 * 8  # 37 samples in chunks of 5
    order: list[str] = [span.name for span in spans]
    for name in set(order):
        starts = [span.start for span in spans if span.name == name]
        assert starts == sorted(starts)
    for place in range(len(order)):
        still = {name for name in order[:place] if name in order[place:]}
        assert len(still) <= 2


def test_samplers_weigh_taxa_as_they_say(dataset: Path) -> None:
    counts = Counter(pq.read_table(dataset / "manifest.parquet").column("accepted_id").to_pylist())

    def shares(**rules: object) -> dict[str, float]:
        source = feed(dataset, **rules, split="", batch=1000)
        rows = source.sequence.rows(0).tolist() + source.sequence.rows(1).tolist()
        drawn = Counter(source.manifest.taxa[source.manifest.taxon[row]] for row in rows)
        return {taxon: count / len(rows) for taxon, count in drawn.items()}

    total = sum(counts.values())
    roots = sum(count**0.5 for count in counts.values())
    for taxon, share in shares().items():
        assert share == pytest.approx(counts[taxon] / total, abs=0.01)
    for taxon, share in shares(sampler="sqrt").items():
        assert share == pytest.approx(counts[taxon] ** 0.5 / roots, abs=0.03)
    for share in shares(sampler="balanced").values():
        assert share == pytest.approx(1 / len(counts), abs=0.03)


def test_a_cap_takes_turns_until_every_sample_was_seen(dataset: Path) -> None:
    source = feed(dataset, sampler="cap", cap=6, split="", batch=1)
    counts = Counter(source.manifest.taxon.tolist())
    size = source.sequence.epoch_size
    assert size == sum(min(count, 6) for count in counts.values())
    seen: set[int] = set()
    for epoch in range(-(-max(counts.values()) // 6)):
        rows = [int(source.sequence.rows(step)[0]) for step in range(epoch * size, (epoch + 1) * size)]
        assert max(Counter(source.manifest.taxon[rows].tolist()).values()) == 6
        assert len(set(rows)) == size
        seen |= set(rows)
    assert len(seen) == len(source)


def test_where_reads_exactly_the_selected_keys_and_writes_nothing(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out)
    before = {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*"))}
    condition = "class = 'Insecta' AND license_family <> 'CC-BY-NC'"
    source = Feed(out, Rules(batch=8, where=condition, split=""), SMALL)
    from pipeline.catalog import open_catalog

    with open_catalog(out) as con:
        wanted = {key for (key,) in con.execute(f"SELECT key FROM samples WHERE {condition}").fetchall()}
    read = {key for step in range(-(-len(source) // 8)) for key in source.batch(step).keys}
    assert read == wanted and len(wanted) > 10
    assert {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*"))} == before
    by_query = Feed(out, Rules(batch=8, where=f"SELECT key FROM samples WHERE {condition}", split=""), SMALL)
    assert by_query.digest == source.digest


def test_captions_of_the_feed_are_those_in_the_shards(demo: Demo) -> None:
    source = Feed(demo.out, Rules(batch=8, split=""), SMALL)
    table = pq.read_table(demo.out / "shards" / "manifest.parquet").to_pylist()
    at = {row["key"]: row for row in table}
    store = open_store(demo.out / "shards")
    for row in range(0, len(source), 7):
        found = at[source.manifest.key(row)]
        end = found["jpg_offset"] - (-found["jpg_length"] % 512) * -1 + found["jpg_length"]
        head = store.spans([Span(found["shard"], end, end + 1024)])[0]
        text = head[512 : 512 + int(head[124:135], 8)].decode()
        assert source.manifest.captions(source.manifest.name[row]).default == text


def test_the_feed_needs_neither_beam_nor_torch(dataset: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('apache_beam', 'torch', 'pygbif', 'ete3', 'imagehash'): sys.modules[name] = None\n"
        "from pipeline.feed import Feed, Rules, View\n"
        f"print(Feed({str(dataset)!r}, Rules(batch=4), View(size=16)).batch(0).digest())"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == Feed(dataset, Rules(batch=4), SMALL).batch(0).digest()


def test_a_checkpoint_of_other_data_or_rules_is_refused(dataset: Path) -> None:
    state = feed(dataset).state(7)
    for other in (feed(dataset, seed=1), feed(dataset, where="genus = 'Puma'"), feed(dataset, batch=32)):
        with pytest.raises(FeedError, match="other data or other rules"):
            other.resume(state)
    assert feed(dataset, threads=2).resume(state) == 7
    assert pickle.loads(pickle.dumps(feed(dataset))).resume(state) == 7


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"mode": "random"}, "mode is 'random'"),
        ({"sampler": "best"}, "sampler is 'best'"),
        ({"sampler": "cap"}, "the cap is 0"),
        ({"cap": 3}, "sampler is 'uniform'"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": "16"}, r"batch is '16'\n *expect: a whole number"),
        ({"batch": 16.0}, "batch is 16.0"),
        ({"batch": True}, "batch is True"),
        ({"where": None}, "where is None"),
        ({"once": 1}, "once is 1"),
        ({"threads": 1025}, "threads are 1,025"),
        ({"mode": "stream", "lanes": 3}, "3 equal lanes"),
        ({"mode": "stream", "sampler": "sqrt"}, "jump between shards"),
        ({"mode": "stream", "batch": 1024}, "an epoch has"),
        ({"split": "test"}, r"one of the splits train \(167 samples\), val \(18 samples\)"),
        ({"split": "trian"}, "did you mean 'train'?"),
        ({"split": "val", "where": "genus = 'Canis'"}, r"the splits are train \(167 samples\), val \(18 samples\)"),
        ({"where": "genus = 'Canis'"}, "no sample is selected"),
        ({"where": "genuss = 'Puma'"}, "cannot be answered"),
        ({"where": "key IN (SELECT content FROM read_text('/etc/hostname'))"}, "cannot be answered"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_a_reason(dataset: Path, rules: dict[str, object], message: str) -> None:
    with pytest.raises(FeedError, match=message):
        feed(dataset, **rules)


@pytest.mark.parametrize("change", [{"size": "16"}, {"size": 16.5}, {"scale": (0.9,)}, {"scale": "ab"}, {"exact": 1}])
def test_views_of_other_types_are_refused_by_name(dataset: Path, change: dict[str, Any]) -> None:
    with pytest.raises(FeedError, match=f"the view's {next(iter(change))} is"):
        Feed(dataset, Rules(16), View(**change))
    with pytest.raises(FeedError, match="with 16"):
        Feed(dataset, 16)  # type: ignore[arg-type]


@pytest.mark.parametrize(("batch", "side"), [(10**7, 224), (1, 10**6), (10**12, 224)])
def test_a_batch_that_memory_cannot_hold_is_refused_in_bytes(dataset: Path, batch: int, side: int) -> None:
    with pytest.raises(FeedError) as caught:
        Feed(dataset, Rules(batch), View(size=side)).batch(0)
    said = str(caught.value)
    assert f"takes {batch * side * side * 3:,} bytes" in said and "lower the batch" in said and "are free" in said
    assert len(Feed(dataset, Rules(batch, once=True), SMALL).batch(0).keys) == min(batch, 167), "what is there fits"


def test_memory_that_runs_out_all_the_same_is_told_alike() -> None:
    with pytest.raises(FeedError, match="takes 588 bytes"), enough_memory(4, 7, allocated=True):
        np.empty(1 << 62, np.uint8)


@pytest.mark.parametrize("far", [False, True], ids=["local", "fsspec"])
def test_damage_is_named_by_shard_byte_and_key(dataset: Path, tmp_path: Path, far: bool) -> None:
    copy = tmp_path / "shards"
    shutil.copytree(dataset, copy)
    where = f"memory://damage-{tmp_path.name}" if far else str(copy)

    def carry() -> None:
        store = open_place(where)
        for name in store.listing():
            if not (copy / name).exists():
                store.delete(name)
        for path in copy.iterdir() if far else ():
            store.put(path.name, path)

    carry()
    source = Feed(where, Rules(batch=16), SMALL)
    span = source.manifest.span(int(source.sequence.rows(0)[0]))
    with (copy / span.name).open("r+b") as file:
        file.seek(span.start)
        file.write(b"\0" * 64)
    carry()
    with pytest.raises(FeedError) as caught:
        source.batch(0)
    assert f"{where}/{span.name}, byte {span.start}" in str(caught.value) and source.keys(0)[0] in str(caught.value)
    with (copy / span.name).open("r+b") as file:
        file.truncate(span.start + 10)
    carry()
    with pytest.raises(FeedError, match="ends early"):
        source.batch(0)
    (copy / span.name).unlink()
    carry()
    with pytest.raises(FeedError, match="cannot be read"):
        replaced = Feed(where, replace(source.rules), SMALL)
        replaced.batch(0)


def misplaced(dataset: Path, out: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    """Copy a dataset, with another manifest."""
    shutil.copytree(dataset, out)
    table = pq.read_table(out / "manifest.parquet")
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), out / "manifest.parquet")
    return out


def swap_places(rows: list[dict[str, Any]]) -> None:
    for name in ("jpg_offset", "jpg_length"):
        rows[3][name], rows[4][name] = rows[4][name], rows[3][name]


@pytest.mark.parametrize("rules", [{}, STREAM], ids=["index", "stream"])
@pytest.mark.parametrize("far", [False, True], ids=["local", "fsspec"])
def test_another_samples_image_is_never_handed_out_under_a_key(
    dataset: Path, tmp_path: Path, rules: dict[str, object], far: bool
) -> None:
    copy = misplaced(dataset, tmp_path / "shards", swap_places)
    where = f"memory://{tmp_path.name}" if far else str(copy)
    if far:
        for path in copy.iterdir():
            RemoteStore(where).put(path.name, path)
    source = Feed(where, Rules(**{"batch": 167, **rules}), SMALL)  # type: ignore[arg-type]
    with pytest.raises(FeedError, match="before it stands the header of") as caught:
        source.batch(0)
    rows = pq.read_table(copy / "manifest.parquet").to_pylist()
    said = str(caught.value)
    assert any(f"{rows[i]['shard']}, byte {rows[i]['jpg_offset']}, key {rows[i]['key']}" in said for i in (3, 4))
    assert "biomill verify" in said


@pytest.mark.parametrize("offset", [None, -512, 0, 511])
def test_a_place_where_no_image_can_lie_is_refused_at_once(dataset: Path, tmp_path: Path, offset: int | None) -> None:
    copy = misplaced(dataset, tmp_path / "shards", lambda rows: rows[7].update(jpg_offset=offset))
    key = pq.read_table(copy / "manifest.parquet", columns=["key"])["key"][7]
    with pytest.raises(FeedError, match=f"no image can lie at byte {offset}(.|\n)*key {key}"):
        feed(copy)


@given(st.data())
def test_only_the_header_of_key_and_size_lets_an_image_through(data: st.DataObject) -> None:
    key = data.draw(st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True))
    image = data.draw(st.binary(min_size=1, max_size=99))
    block, span = header(f"{key}.jpg", len(image)), Span("a.tar", 512, 512 + len(image))
    assert checked(memoryview(block + image), key, span, "here") == image
    other_key = data.draw(st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True).filter(lambda other: other != key))
    other_size = data.draw(st.integers(0, 8**11 - 1).filter(lambda size: size != len(image)))
    for strange in (header(f"{other_key}.jpg", len(image)), header(f"{key}.jpg", other_size), header(f"{key}.txt", 9)):
        with pytest.raises(FeedError, match=key):
            checked(memoryview(strange + image), key, span, "here")
    with pytest.raises(FeedError, match="no header of a tar archive"):
        checked(memoryview(data.draw(st.binary(min_size=512, max_size=512)) + image), key, span, "here")


def test_ranks_that_do_not_divide_the_batch_are_refused(dataset: Path) -> None:
    with pytest.raises(FeedError, match="3 ranks"):
        feed(dataset).batch(0, 0, 3)
    with pytest.raises(FeedError, match="no step -1"):
        feed(dataset).batch(-1)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_once_gives_every_sample_once_in_the_order_of_the_shards_and_a_short_last_batch(
    dataset: Path, world: int
) -> None:
    source = feed(dataset, once=True)
    sizes, keys = [], []
    for step in range(source.sequence.epoch_steps):
        parts = [source.batch(step, rank, world) for rank in range(world)]
        assert [key for part in parts for key in part.keys] == list(source.keys(step))
        assert max(len(part.keys) for part in parts) - min(len(part.keys) for part in parts) <= 1
        sizes.append(sum(len(part.keys) for part in parts))
        keys += [key for part in parts for key in part.keys]
    listed = pq.read_table(dataset / "manifest.parquet", filters=[("split", "=", "train")])["key"].to_pylist()
    assert keys == source.manifest.keys_of(np.arange(len(source)))
    assert sorted(keys) == sorted(listed)
    assert sizes == [16] * (len(source) // 16) + [len(source) % 16]
    with pytest.raises(FeedError, match=f"there is no step {len(sizes)}"):
        source.batch(len(sizes))


def test_once_has_a_digest_of_its_own_and_is_for_the_plain_order(dataset: Path) -> None:
    assert feed(dataset, once=True).digest != feed(dataset).digest
    for rules in ({"sampler": "sqrt"}, STREAM):
        with pytest.raises(FeedError, match="once is asked for"):
            feed(dataset, once=True, **rules)
