"""A host sees no more requests and connections than its own rule says, whatever the number of workers."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import FetchRules, HostRules
from pipeline.commands.cli import main
from pipeline.media import Fetcher
from pipeline.media.http.guards import Routes
from pipeline.media.http.hosts import Host
from pipeline.media.http.limits import HostLimits, fewest_connections
from pipeline.media.task import Planned
from pipeline.model.outcomes import Outcome
from pipeline.stages import fetch_dealing
from tests.pipeline.media.conftest import Site, serve

HOSTS = ("example.org", "a.example.org", "a.b.example.org", "example.org:8080", "other.net", "[::1]:81")
PATTERNS = (*HOSTS, "*.example.org", "*.b.example.org", "*.example.org:8080", "a.example.org:443")
rules = st.builds(
    FetchRules,
    per_host_rate=st.floats(0.1, 1000),
    per_host_connections=st.integers(1, 100),
    host=st.lists(
        st.builds(
            HostRules,
            st.sampled_from(PATTERNS),
            st.none() | st.floats(0.1, 1000),
            st.none() | st.integers(1, 100),
            st.none() | st.integers(1, 100),
        ),
        unique_by=lambda each: each.pattern,
        max_size=6,
    ).map(tuple),
)


@given(rules, st.sampled_from(HOSTS), st.integers(1, 70))
def test_the_parts_of_all_tasks_are_what_the_host_bears(rules: FetchRules, host: str, parts: int) -> None:
    whole = HostLimits(rules)(host)
    dealt = [HostLimits(rules, part, parts)(host) for part in range(parts)]
    assert sum(limit.connections for limit in dealt) == whole.connections
    asking = [limit for limit in dealt if limit.connections]
    assert sum(limit.rate for limit in asking) == pytest.approx(whole.rate)
    assert sum(limit.share for limit in dealt) == pytest.approx(1.0)
    assert len(asking) == min(parts, whole.connections)
    assert max(limit.connections for limit in asking) - min(limit.connections for limit in asking) <= 1
    assert {limit.give_up_after for limit in dealt} == {whole.give_up_after}
    first, second = fetch_dealing.passes(rules, parts)
    assert second <= fewest_connections(rules) and second <= first == parts
    assert all(HostLimits(rules, part, second)(host).connections for part in range(second))


@given(rules, st.lists(st.tuples(st.sampled_from(HOSTS), st.integers(1, 40)), unique_by=lambda each: each[0]))
@settings(deadline=None)
def test_every_unit_is_dealt_once_to_a_task_that_may_ask_its_host(
    tmp_path_factory: pytest.TempPathFactory, rules: FetchRules, hosts: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("fetch")
    units = [Planned(host, "", f"{host}/{number}", number, 1) for host, count in hosts for number in range(count)]
    for parts in (1, 3, 16):
        tasks = fetch_dealing.tasks(folder, "0", units, "", {}, rules, parts)
        dealt = [each for task in tasks for _, queue in task.queues(folder) for each in queue]
        assert sorted(dealt) == sorted(units)
        assert len({task.part for task in tasks}) == len(tasks)
        for task in tasks:
            queues, limits = task.queues(folder), HostLimits(rules, task.part, task.parts)
            assert all(limits(host).connections for host, _ in queues)
            assert len({host for host, _ in queues}) == len(queues)
            assert all(queue == sorted(queue, key=lambda each: each.first) for _, queue in queues)


@pytest.mark.parametrize(
    ("host", "rate", "connections", "give_up_after"),
    [
        ("example.org:8080", 1.0, 2, 9),  # the port's own rule, and key by key what is less specific
        ("example.org", 3.0, 2, 9),
        ("example.org:81", 3.0, 2, 9),
        ("a.b.example.org", 5.0, 6, 7),
        ("a.example.org", 4.0, 8, 7),
        ("EXAMPLE.com", 10.0, 8, 20),
        ("notexample.org", 10.0, 8, 20),
        ("secure.org", 2.0, 8, 20),  # http and https share a host's turn: the stricter rule holds
        ("secure.org:8443", 10.0, 8, 20),
    ],
)
def test_the_most_specific_pattern_speaks_key_by_key(
    host: str, rate: float, connections: int, give_up_after: int
) -> None:
    said = (
        HostRules("*.example.org", rate=4.0, give_up_after=7),
        HostRules("*.B.example.org", rate=5.0, connections=6),
        HostRules("example.org", rate=3.0, connections=2, give_up_after=9),
        HostRules("Example.org:8080", rate=1.0),
        HostRules("secure.org:443", rate=2.0),
        HostRules("secure.org:80", rate=50.0),
    )
    for order in (said, said[::-1]):
        limit = HostLimits(FetchRules(host=order))(host)
        assert (limit.rate, limit.connections, limit.give_up_after) == (rate, connections, give_up_after)


@pytest.mark.parametrize("order", [1, -1])
def test_connect_to_takes_every_pattern_and_the_most_specific_speaks(order: int) -> None:
    connect_to = ("*.x=127.0.0.1:1", "a.x=127.0.0.1:2", "a.x:443=127.0.0.1:3", "*.a.x=[::1]:4", "[::2]:9=127.0.0.1:5")
    routes = Routes.of(FetchRules(connect_to=connect_to[::order]))
    asked = [("b.x", 80), ("a.x", 80), ("a.x", 443), ("b.a.x", 80), ("::2", 9), ("x", 80)]
    found = [route[1] if (route := routes.redirected(*each)) else None for each in asked]
    assert found == [1, 2, 3, 4, 5, None]


def test_a_host_is_given_up_by_its_own_rule(site: Site) -> None:
    urls = [site.url("status/403")] * 12
    for give_up_after, least, most in ((3, 3, 3 + 8), (1000, 12, 12)):
        site.asked.clear()
        with Fetcher(site.rules(host=(HostRules("*.example.org", give_up_after=give_up_after),))) as fetcher:
            assert {answer.outcome for _, answer in fetcher.fetch_all(urls)} == {Outcome.BLOCKED}
        assert least <= len(site.asked) <= most


def test_many_connections_of_one_host_are_used_and_kept_alive(site: Site) -> None:
    fast = HostRules("media.example.org", connections=40, rate=5000.0)
    with Fetcher(site.rules(host=(fast,), total_timeout=20.0, read_timeout=10.0, per_host_rate=1.0)) as fetcher:
        assert fetcher.fetch(site.url("ok")).ok  # a host that never answered gets few connections
        answers = [answer for _, answer in fetcher.fetch_all([site.url(f"slow/0.4/{n}") for n in range(120)])]
    assert all(answer.ok for answer in answers)
    assert 30 <= site.busiest <= 40
    assert site.most_open <= 40 and len(site.clients) <= 40


def test_a_lane_that_does_well_never_asks_for_more_than_its_part(site: Site) -> None:
    """A rate may rise again after a host said 429, but only to the part that this task has."""
    with Fetcher(site.rules(per_host_rate=1000.0), part=0, parts=4) as fetcher:
        assert all(answer.ok for _, answer in fetcher.fetch_all([site.url(f"ok/{n}") for n in range(400)]))
        host = fetcher._scheduler._hosts["media.example.org"]
    assert host.ceiling <= 250.0 and host.rate <= 250.0


@given(st.floats(1, 2000), st.lists(st.floats(0, 0.02), min_size=2, max_size=200))
def test_threads_that_wake_late_neither_lower_the_rate_nor_raise_it(rate: float, late: list[float]) -> None:
    rules = FetchRules(per_host_rate=rate)
    limit = HostLimits(rules)("a.org")
    host = Host("a.org", limit.rate, limit.rate, limit, rules)
    now, starts = 100.0, []
    for seconds in late:
        if now < host.next_start:  # nobody is late for a turn that has come already
            now = host.next_start + seconds
        starts.append(now)
        host.start(now)
    assert starts[-1] - starts[0] <= (len(starts) - 1) / rate + 0.02 + 1e-6
    for first, at in enumerate(starts):
        assert len(starts[first:]) <= rate * (starts[-1] - at + 0.02) + 1 + 1e-6


def test_the_command_line_is_held_to_the_rules_of_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "urls.csv").write_text("url\nhttp://a.x/1\n")
    for option in ("--connect-to=*.x", "--connect-to=https://a.x=b:1", "--host-rule=a.x", "--host-rule=a.x rate=0"):
        assert main(["fetch", str(tmp_path / "urls.csv"), "-o", str(tmp_path / "out"), option]) != 0
        assert "expect:" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def other() -> Iterator[Site]:
    with contextlib.contextmanager(serve)() as site:
        yield site


def fetch(tmp_path: Path, site: Site, other: Site, urls: list[str], *more: str) -> list[str]:
    (tmp_path / "urls.csv").write_text("\n".join(["url", *urls]))
    options = [f"--connect-to=media.example.org=127.0.0.1:{site.port}", f"--connect-to=*.net=127.0.0.1:{other.port}"]
    options += ["--no-robots", "--rate=1000", "--min-side=8", "--workers=4", *more]
    assert main(["fetch", str(tmp_path / "urls.csv"), "-o", str(tmp_path / "out"), *options]) == 0
    return [str(row["outcome"]) for row in pq.read_table(tmp_path / "out" / "outcomes.parquet").to_pylist()]


def test_four_processes_together_open_no_more_connections_than_a_host_may_have(
    site: Site, other: Site, tmp_path: Path
) -> None:
    urls = [site.url(f"slow/0.03/{n}") for n in range(160)]
    urls += [other.url(f"slow/0.03/{n}", f"h{n % 4}.net") for n in range(160)]
    outcomes = fetch(tmp_path, site, other, urls, "--host-rule=media.example.org connections=2")
    assert Counter(outcomes) == {"stored": 320}
    assert site.most_open == 2
    assert 2 < other.most_open <= 4 * 8
    assert Counter(path for _, path, _ in site.asked) == Counter(f"/slow/0.03/{n}" for n in range(160))


def test_a_redirect_to_a_host_that_other_processes_ask_waits_for_the_second_pass(
    site: Site, other: Site, tmp_path: Path
) -> None:
    urls = [other.url(f"to/{site.url(f'ok/{n}')}", f"h{n % 3}.net") for n in range(300)]
    outcomes = fetch(tmp_path, site, other, urls, "--host-rule=media.example.org connections=1")
    assert Counter(outcomes) == {"stored": 300}
    assert site.most_open == 1
    assert Counter(path for _, path, _ in site.asked) == Counter(f"/ok/{n}" for n in range(300))


def test_workers_that_have_nothing_to_do_are_told(
    site: Site, other: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [site.url(f"ok/{n}") for n in range(120)]
    fetch(tmp_path, site, other, urls, "--host-rule=media.example.org connections=2")
    said = capsys.readouterr().out
    assert "2 of 4 workers have nothing to do: a host is asked by as many as it may have connections (2)" in said
