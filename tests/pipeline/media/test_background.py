"""Images that take long to decode hold up nobody: not the answers of other hosts, not the memory for them."""

from __future__ import annotations

import io
import random
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from manifests import FetchRules, ImageRules
from pipeline.commands.cli import main
from pipeline.media import background, work
from pipeline.media.background import Background
from pipeline.media.http import hosts
from pipeline.media.images.cost import decode_work
from pipeline.media.journal import Journal
from pipeline.media.stored import stored_images
from pipeline.media.task import FetchTask, Planned
from pipeline.model.errors import StorageError
from pipeline.model.fetched import Fetched
from pipeline.stages.fetch_plan import write_units
from tests.pipeline.media.conftest import Site


def body(size: int) -> Fetched:
    return Fetched(None, data=bytes(size))


def test_answers_are_worked_off_in_order_and_their_bodies_wait_on_disk(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    go = threading.Event()

    def slowly(key: int, fetched: Fetched) -> None:
        assert go.wait(10)
        seen.append((key, len(fetched.data)))

    with Background(tmp_path, slowly, lambda error: None) as aside:
        for number in range(5):
            aside.submit(number, body(100 + number))
        assert sorted(path.stat().st_size for path in tmp_path.iterdir()) == [101, 102, 103, 104]
        go.set()
    assert seen == [(number, 100 + number) for number in range(5)]
    assert not list(tmp_path.iterdir())


def test_whoever_submits_more_than_may_lie_on_disk_waits_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "MOST_BYTES", 250)
    most, seen = [0], []

    def slowly(key: int, fetched: Fetched) -> None:
        time.sleep(0.01)
        most[0] = max(most[0], sum(path.stat().st_size for path in list(tmp_path.iterdir())))
        seen.append(key)

    with Background(tmp_path, slowly, lambda error: None) as aside:
        for number in range(12):
            aside.submit(number, body(100))
    assert seen == list(range(12))
    assert most[0] <= 350


def test_a_failure_is_told_once_and_raised_at_the_end_and_leaves_no_file(tmp_path: Path) -> None:
    told: list[BaseException] = []
    go = threading.Event()

    def fail(key: int, fetched: Fetched) -> None:
        assert go.wait(10)
        raise ValueError(f"no. {key}")

    with pytest.raises(ValueError, match=r"no\. 0"), Background(tmp_path, fail, told.append) as aside:
        for number in range(4):
            aside.submit(number, body(10))
        go.set()
    assert [str(error) for error in told] == ["no. 0"]
    assert not list(tmp_path.iterdir())


def test_a_body_that_cannot_be_put_on_disk_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    go = threading.Event()

    def wait(key: int, fetched: Fetched) -> None:
        go.wait(10)

    with (
        pytest.raises(StorageError, match="cannot write"),
        Background(tmp_path / "file", wait, lambda error: None) as aside,
    ):
        try:
            for number in range(3):
                aside.submit(number, body(10))
        finally:
            go.set()


def arguments(site: Site, tmp_path: Path, urls: list[str], out: str) -> list[str]:
    listing = tmp_path / f"{out}.csv"
    listing.write_text("url\n" + "".join(url + "\n" for url in urls))
    options = [f"--connect-to=*.example.org=127.0.0.1:{site.port}", "--no-robots", "--rate=1000", "--min-side=8"]
    return ["fetch", str(listing), "-o", str(tmp_path / out), *options]


def test_a_decode_that_takes_for_ever_does_not_hold_up_another_host(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow host's pictures are not done before every picture of the other host has been noted."""
    picture = io.BytesIO()
    Image.new("RGB", (5000, 4000), "olive").save(picture, "PNG")
    site.jpeg = picture.getvalue()
    good, noted = 60, threading.Semaphore(0)
    order: list[str] = []

    def watched(rows: Any, *rest: Any) -> Any:
        host = rows[0]["host"]
        if host == "slow.example.org":
            for _ in range(good if not order.count("slow.example.org") else 0):
                assert noted.acquire(timeout=20)
        images = stored_images(rows, *rest)
        order.append(host)
        if host == "good.example.org":
            noted.release()
        return images

    monkeypatch.setattr(work, "stored_images", watched)
    urls = [site.url(f"picture/{n}", "slow.example.org") for n in range(6)]
    urls += [site.url(f"ok/{n}", "good.example.org") for n in range(good)]
    assert main(arguments(site, tmp_path, urls, "out")) == 0
    assert order == ["good.example.org"] * good + ["slow.example.org"] * 6
    rows = pq.read_table(tmp_path / "out" / "outcomes.parquet").to_pylist()
    assert {row["outcome"] for row in rows} == {"stored"}
    assert not list((tmp_path / "out").rglob(".tmp-*"))


def test_a_host_of_slow_images_is_not_asked_for_more_than_wait_to_be_decoded(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_SLOW_DECODE", 0)
    monkeypatch.setattr(hosts, "_MOST_DEFERRED", 2)
    ahead: list[int] = []

    def watched(rows: Any, *rest: Any) -> Any:
        time.sleep(0.02)
        ahead.append(len(site.asked) - len(ahead))
        return stored_images(rows, *rest)

    monkeypatch.setattr(work, "stored_images", watched)
    assert main(arguments(site, tmp_path, [site.url(f"ok/{n}", "slow.example.org") for n in range(60)], "out")) == 0
    assert len(ahead) == 60
    assert max(ahead) <= 2 + 8 + FetchRules().per_host_connections


def test_images_are_the_same_whether_they_are_decoded_in_the_background_or_not(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [site.url(f"ok/{n}", f"{n % 3}.example.org") for n in range(30)] + [site.url("html/1", "0.example.org")]
    files: list[dict[str, bytes]] = []
    for name, slow in (("one", 1 << 60), ("other", 0)):
        monkeypatch.setattr(work, "_SLOW_DECODE", slow)
        assert main(arguments(site, tmp_path, urls, name)) == 0
        folder = tmp_path / name
        files.append(
            {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("images/*/*.jpg")}
            | {"rows": repr(pq.read_table(folder / "outcomes.parquet").to_pylist()).encode()}
        )
    assert len(files[0]) == 31
    assert files[0] == files[1]


def test_a_failure_in_the_background_ends_the_fetch_with_its_cause(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_SLOW_DECODE", 0)

    def full(*_: object) -> None:
        raise StorageError("cannot write: no space left")

    monkeypatch.setattr(Journal, "note", full)
    task = work.FetchUnits(str(tmp_path), site.rules(), ImageRules(min_side=8))
    plan_of(site, tmp_path, 20)
    with pytest.raises(StorageError, match="no space left"):
        task(FetchTask("plan.parquet", "left.parquet", 0, 1))


def plan_of(site: Site, folder: Path, count: int) -> None:
    import pyarrow as pa

    from pipeline.media.media_schema import PLAN_SCHEMA

    rows = [
        {"host": "media.example.org", "media_id": f"{n:04}", "image_id": f"{n:04}", "address": site.url(f"ok/{n}")}
        for n in range(count)
    ]
    pq.write_table(pa.Table.from_pylist(rows, PLAN_SCHEMA), folder / "plan.parquet")
    write_units(folder / "left.parquet", [Planned("media.example.org", "", "unit", 0, count)])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "WEBP", "BMP", "JPEG"])
@pytest.mark.parametrize("damage", ["cut", "zeros", "noise", "huge"])
def test_the_cost_of_any_bytes_is_told_without_an_error(kind: str, damage: str) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, kind)
    whole = out.getvalue()
    for at in (2, 8, 16, 24, 40, 100, len(whole) // 2):
        changed = {
            "cut": whole[:at],
            "zeros": whole[:at] + bytes(len(whole) - at),
            "noise": whole[:at] + random.Random(at).randbytes(200),
            "huge": whole[:at] + b"\xff" * 24 + whole[at + 24 :],
        }[damage]
        assert decode_work(changed) >= 0


def test_a_picture_beyond_every_limit_of_its_decoder_costs_nothing() -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x4e\x20\0\0\x4e\x20\x08\x02\0\0\0"
    assert decode_work(header + zlib.crc32(header[12:]).to_bytes(4, "big") + bytes(100)) == 0  # nothing will be decoded
