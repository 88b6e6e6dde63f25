"""Lists of URLs by the API, from a real server on this machine."""

from __future__ import annotations

import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import biomill
from manifests.recipe import FetchRules
from pipeline.commands.cli import main
from pipeline.demo import DemoServer, connect_to
from tests.conftest import Demo


@pytest.fixture
def urls(demo: Demo) -> list[str]:
    """Three images that the demo's web has, and one that it has not."""
    found = sorted((demo.corpus.www / "media.biota.test").rglob("*.jpg"))[:3]
    addresses = [f"http://{path.relative_to(demo.corpus.www).as_posix()}" for path in found]
    return [*addresses, "http://media.biota.test/none.jpg"]


@pytest.fixture
def rules(server: DemoServer) -> FetchRules:
    return biomill.FetchRules(connect_to=connect_to(server.address), per_host_rate=1000.0, attempts=1)


def test_a_list_is_fetched_as_the_command_fetches_it(urls: list[str], rules: FetchRules, tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    lines: list[str] = []
    image = biomill.ImageRules(side=64, min_side=8)
    got = biomill.fetch(tmp_path / "urls.txt", tmp_path / "out", rules=rules, image=image, progress=lines.append)
    assert (got.rows, got.stored, got.folder) == (4, 3, tmp_path / "out")
    assert sum(got.counts.values()) == 4 and next(iter(got.counts)) == "stored"
    assert lines[0] == "fetch: 4 rows of urls.txt"
    rows = got.outcomes().to_pylist()
    assert [row["url"] for row in rows] == urls
    assert all((got.folder / row["file"]).is_file() for row in rows[:3])
    options = [f"--connect-to={entry}" for entry in rules.connect_to]
    options += ["--rate=1000", "--attempts=1", "--side=64", "--min-side=8"]
    assert main(["fetch", str(tmp_path / "urls.txt"), "-o", str(tmp_path / "theirs"), *options]) == 0
    theirs = pq.read_table(tmp_path / "theirs" / "outcomes.parquet")
    assert theirs.equals(got.outcomes())


def test_a_second_call_goes_on_and_asks_nobody_twice(
    urls: list[str], rules: FetchRules, server: DemoServer, tmp_path: Path
) -> None:
    first = biomill.fetch(urls[:3], tmp_path / "out", rules=rules)
    before = dict(server.hits)
    again = biomill.fetch(iter(urls[:3]), tmp_path / "out", rules=rules)
    assert again == first
    assert dict(server.hits) == before
    assert biomill.fetch(urls, tmp_path / "out", rules=rules).rows == 4


@pytest.mark.parametrize("kind", ["mapping", "table", "pandas"])
def test_a_table_keeps_its_own_columns(kind: str, urls: list[str], rules: FetchRules, tmp_path: Path) -> None:
    columns = {"address": urls[:2], "caption": ["one", "two"]}
    given = {"mapping": columns, "table": pa.table(columns), "pandas": pd.DataFrame(columns)}[kind]
    got = biomill.fetch(given, tmp_path / "out", column="address", rules=rules)
    table = got.outcomes()
    assert table["caption"].to_pylist() == ["one", "two"]
    assert table["url"].to_pylist() == urls[:2]


def test_what_cannot_be_is_an_error_of_ours(urls: list[str], rules: FetchRules, tmp_path: Path) -> None:
    with pytest.raises(biomill.UsageError, match="without saying who asks"):
        biomill.fetch(["http://8.8.8.8/a.jpg"], tmp_path / "a", rules=FetchRules(robots=False))
    with pytest.raises(biomill.RecipeErrors) as found:
        wrong = dataclasses.replace(rules, attempts=0)
        biomill.fetch(urls, tmp_path / "b", rules=wrong, image=biomill.ImageRules(quality=101))
    assert "the arguments of fetch, key fetch.attempts" in str(found.value)
    with pytest.raises(biomill.SourceError, match="no column 'link'"):
        biomill.fetch({"url": urls}, tmp_path / "c", column="link", rules=rules)
    with pytest.raises(biomill.UsageError, match="no such outcome"):
        biomill.fetch(urls, tmp_path / "d", rules=rules, retry=["nonsense"])
    with pytest.raises(biomill.UsageError, match="-1 processes"):
        biomill.fetch(urls, tmp_path / "e", rules=rules, workers=-1)
    with pytest.raises(biomill.SourceError):
        biomill.fetch(tmp_path / "none.csv", tmp_path / "f", rules=rules)


def test_no_image_at_all_is_no_success_unless_that_is_meant(rules: FetchRules, tmp_path: Path) -> None:
    gone = ["http://media.biota.test/none.jpg"]
    with pytest.raises(biomill.EmptyResultError, match="no image was stored: 1 "):
        biomill.fetch(gone, tmp_path / "out", rules=rules)
    assert biomill.fetch(gone, tmp_path / "out", rules=rules, allow_empty=True).stored == 0


def test_a_contact_given_apart_stands_in_every_request(tmp_path: Path) -> None:
    agents: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            agents.append(self.headers["User-Agent"])
            self.send_error(404)

        def log_message(self, *words: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        rules = biomill.FetchRules(connect_to=(f"example.org=127.0.0.1:{web.server_address[1]}",), contact="them@a.org")
        urls = ["http://example.org/a.jpg"]
        biomill.fetch(urls, tmp_path / "out", rules=rules, contact="you@example.org", allow_empty=True)
        web.shutdown()
    assert agents and all("you@example.org" in agent and "them@a.org" not in agent for agent in agents)
