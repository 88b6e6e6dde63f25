"""What a host can feed follows from what is measured and what is published, and says which is which."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.feed import Feed, Rules, View
from pipeline.feed.demands import DEMANDS
from pipeline.feed.feeding import Feeding, lines, measure
from pipeline.feed.reading_rates import (
    Decoding,
    Parallel,
    Reading,
    Stored,
    as_stored,
    decoders,
    measured_decoding,
    measured_parallel,
    measured_reading,
    sampled,
)
from pipeline.feed.store import open_store
from pipeline.model.errors import FeedError

MEASURED = Feeding(
    folder="shards",
    size=224,
    decoder="pillow",
    gpus=8,
    cpus=4,
    stored=Stored(256, 720, 540, 74.0),
    reading=Reading(5000, 370, 16, near=True, cold=True),
    decoding=(Decoding("pillow", 1.5, 0.5), Decoding("simplejpeg", 0.8, 0.2)),
    parallel=(Parallel("threads", 4, 1500, 480, 0.9), Parallel("processes", 4, 1900, 490, 0.97)),
    shm_free=10**10,
    shm_needed=10**9,
)


def remedies(**changes: Any) -> str:
    return "\n".join(replace(MEASURED, **changes).remedies())


def test_a_model_is_fed_where_the_slower_of_reading_and_decoding_is_fast_enough() -> None:
    assert MEASURED.supply == 1900
    for fed in MEASURED.fed():
        wanted = fed.demand.images_per_s * 8
        assert fed.wanted == wanted
        assert fed.cpus == pytest.approx(wanted / 500)
        assert (fed.share, fed.limit) == ((1.0, "") if wanted <= 1900 else (pytest.approx(1900 / wanted), "decode"))
    assert {fed.limit for fed in MEASURED.fed()} == {"", "decode"}


@pytest.mark.parametrize(("near", "limit"), [(True, "disk"), (False, "network")])
def test_slow_reading_is_named_for_what_it_is(near: bool, limit: str) -> None:
    slow = replace(MEASURED, reading=Reading(100, 7, 16, near=near, cold=near))
    assert slow.supply == 100
    assert {fed.limit for fed in slow.fed()} == {limit}
    told = "\n".join(slow.remedies())
    assert ("a faster disk" in told) == near and ("a local disk" in told) != near
    assert "more CPUs" not in told and "smaller stored images" in told


def test_remedies_are_those_that_change_what_limits() -> None:
    assert "decoder simplejpeg: 2.00 x" in remedies()
    assert "the short side is 540" in remedies() and "more CPUs: 4 are here" in remedies()
    assert "simplejpeg" not in remedies(decoder="simplejpeg")
    assert "short side" not in remedies(stored=Stored(256, 341, 256, 24.0))
    assert "/dev/shm" not in remedies() and "/dev/shm has 0.1 GB free" in remedies(shm_free=10**8)
    assert "/dev/shm" not in remedies(shm_free=None)
    many = (Parallel("processes", 64, 30_000, 490, 1.0),)
    assert remedies(parallel=many, reading=Reading(40_000, 3000, 256, True, True)) == "", "nothing limits"


def test_lines_say_what_is_measured_and_what_is_not() -> None:
    told = "\n".join(lines(MEASURED))
    measured, _, literature = told.partition("from literature, not measured")
    assert "480 a CPU s" in measured and "page cache dropped" in measured and "A100" not in measured
    assert all(each.source in literature for each in DEMANDS)
    assert literature.count("(computed)") == sum(not each.published for each in DEMANDS)
    assert "other programs" not in told
    busy = replace(MEASURED, parallel=(Parallel("processes", 4, 800, 490, 0.4),))
    assert "the fastest had 40% of the CPUs" in "\n".join(lines(busy))


def test_images_of_a_run_are_measured_with_every_decoder(dataset: Path) -> None:
    feed = Feed(dataset, Rules(16), View(size=16))
    spans = sampled(feed, 100)
    assert len(set(spans)) == 100
    reading, jpegs = measured_reading(open_store(dataset), spans)
    assert reading.images_per_s > 0 and reading.near and reading.cold
    assert sorted(map(len, jpegs)) == sorted(span.end - span.start for span in spans)
    assert all(jpeg[:2] == b"\xff\xd8" for jpeg in jpegs)
    found = as_stored(jpegs, 16)
    assert (found.images, found.height) == (100, 40) and found.width in (48, 56, 64)
    for each in measured_decoding(jpegs, feed.view, decoders()):
        assert 0.001 < each.decode_ms < 50 and 0.001 < each.resample_ms < 50
    assert len(sampled(feed, 10**6)) == len(feed)


@pytest.mark.whole
def test_threads_and_processes_are_tried_up_to_the_cpus(dataset: Path) -> None:
    feed = Feed(dataset, Rules(16, where="genus = 'Puma'"), View(size=16))
    assert len(feed) < 16, "fewer samples than a batch"
    found = list(measured_parallel(feed, 3, 0.2))
    assert [(each.kind, each.workers) for each in found] == [
        (kind, count) for kind in ("threads", "processes") for count in (1, 2, 3)
    ]
    assert all(each.images_per_s > 10 and each.images_per_cpu_s > 10 and 0 < each.had <= 1 for each in found)


def test_what_cannot_be_measured_is_refused(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeedError, match=r"a size of 41 is larger than what is stored: \d+ x 40 pixels"):
        measure(Feed(dataset, Rules(16), View(size=41)), 1, 16)
    without = tmp_path / "shards"
    shutil.copytree(dataset, without)
    for tar in without.glob("*.tar"):
        tar.unlink()
    with pytest.raises(FeedError, match=r"cannot be read: No such file[^~]*\.tar[^~]*biomill verify RUN"):
        measure(Feed(without, Rules(16), View(size=16)), 1, 16)
    monkeypatch.setattr("pipeline.feed.feeding.decoders", lambda: ["pillow"])
    with pytest.raises(FeedError, match="the decoder simplejpeg is not installed"):
        measure(Feed(dataset, Rules(16), View(size=16, decoder="simplejpeg")), 1, 16)
