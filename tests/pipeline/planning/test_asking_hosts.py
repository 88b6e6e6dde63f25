"""What a plan learns of hosts where it is asked to: lengths by HEAD, and what becomes of a sample."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from manifests import FetchRules, load_recipe
from pipeline.demo import connect_to, generate_records
from pipeline.media import Fetcher
from pipeline.planning import Asked, make_plan
from pipeline.planning.plan_facts import Range
from pipeline.run.driver import run
from tests.conftest import Demo
from tests.performance.bench_plan import truth_of
from tests.performance.small_pictures import picture


class _Counting(ThreadingHTTPServer):
    daemon_threads = True
    asked: Counter[tuple[str, str]]


class _Pictures(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Counting

    def do_GET(self) -> None:
        self.server.asked[self.command, self.path] += 1
        body = picture(self.path.encode())
        robots = self.path == "/robots.txt"
        self.send_response(404 if robots else 200)
        self.send_header("Content-Length", "0" if robots else str(len(body)))
        self.end_headers()
        if self.command == "GET" and not robots:
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def pictures() -> Iterator[_Counting]:
    server = _Counting(("127.0.0.1", 0), _Pictures)
    server.asked = Counter()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_head_gives_lengths_without_bodies_over_one_connection_after_another() -> None:
    with pictures() as server:
        address = f"127.0.0.1:{server.server_address[1]}"
        rules = FetchRules(connect_to=(f"a.test={address}",), allow_private=("a.test",), per_host_rate=1000.0)
        urls = [f"http://a.test/{number}.jpg" for number in range(30)]
        with Fetcher(rules, head=True) as fetcher:
            told = dict(fetcher.fetch_all(urls))
        for number, answer in told.items():
            assert answer.ok
            assert answer.data == b""
            assert answer.length == len(picture(f"/{number}.jpg".encode()))
        assert server.asked == Counter({("GET", "/robots.txt"): 1, **{("HEAD", f"/{n}.jpg"): 1 for n in range(30)}})
        with Fetcher(rules) as fetcher:
            assert fetcher.fetch(urls[0]).length == -1


@pytest.mark.whole
def test_a_host_is_asked_as_often_as_was_planned_and_stores_as_much(tmp_path: Path) -> None:
    """No host fails here, and nothing is substituted: requests are equal, and bytes within 10 % by a sample."""
    generate_records(tmp_path / "bulk", 400)
    recipe = load_recipe(tmp_path / "bulk" / "recipe.toml")
    with pictures() as server:
        fetch = dataclasses.replace(
            recipe.fetch, connect_to=connect_to(f"127.0.0.1:{server.server_address[1]}"), per_host_rate=2000.0
        )
        recipe = dataclasses.replace(recipe, fetch=fetch)
        plan = make_plan(recipe, tmp_path / "run", Asked(sample=100, head=50), lambda line: None)
        assert sum(number for (method, _), number in server.asked.items() if method == "HEAD") == 50
        assert plan.heads is not None
        assert (plan.heads.asked, plan.heads.answered) == (50, 50)
        server.asked.clear()
        run(recipe, tmp_path / "run", until="likeness", progress=lambda line: None)
        asked = {path: number for (_, path), number in server.asked.items() if path != "/robots.txt"}
        true = sum(len(picture(path.encode())) for path in asked)
    assert set(asked.values()) == {1}
    assert len(asked) == plan.fetching.requests == plan.candidates
    (volume,) = plan.volumes
    assert volume.fetched.low <= true <= volume.fetched.high
    assert volume.fetched.value == pytest.approx(true, rel=0.1)
    assert volume.basis == "sample"
    assert plan.kept.low <= plan.candidates == plan.kept.high


@pytest.mark.whole
@pytest.mark.parametrize(("head", "near"), [(40, 0.25), (10_000, 0.1)])
def test_lengths_by_head_and_of_local_stores_tell_the_bytes_to_fetch(demo: Demo, head: int, near: float) -> None:
    """What is gone has none; a page in the place of a picture has a length, and is nothing that a run keeps."""
    plan, truth = make_plan(demo.recipe, None, Asked(head=head), lambda line: None), truth_of(demo.out)
    assert {each.source for each in plan.volumes} == truth.fetched.keys()
    for volume in plan.volumes:
        assert volume.basis == "HEAD"
        assert volume.fetched.value == pytest.approx(truth.fetched[volume.source], rel=near)
    stored = next(each for each in plan.volumes if each.source == "bioscan")
    assert head < stored.media or stored.fetched == Range(*[truth.fetched["bioscan"]] * 3)
    assert plan.heads is not None and plan.heads.answered < plan.heads.asked <= head * (len(plan.volumes) - 1)


@pytest.mark.whole
@pytest.mark.parametrize("sample", [40, 150, 10_000])
def test_a_sample_tells_what_a_run_keeps(demo: Demo, tmp_path: Path, sample: int) -> None:
    plan = make_plan(demo.recipe, tmp_path / "run", Asked(sample=sample), lambda line: None)
    kept = sum(1 for _ in _kept(demo))
    assert plan.sample is not None
    assert plan.kept.low <= kept <= plan.kept.high
    assert plan.sample.rows == sum(each.rows for each in plan.sample.outcomes)
    assert plan.sample.rows == sum(min(sample, each.candidates) for each in plan.sources)
    if sample == 10_000:
        assert plan.kept.low == plan.kept.high == kept
        assert plan.kept.confidence == 1.0
    assert sorted(path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".tmp")) == []
    assert not (tmp_path / "run" / "fetch").exists()


def _kept(demo: Demo) -> Iterator[str]:
    import pyarrow.parquet as pq

    for path in sorted((demo.out / "select" / "decisions").glob("*.parquet")):
        yield from pq.ParquetFile(path).read(columns=["record_id"])["record_id"].to_pylist()
