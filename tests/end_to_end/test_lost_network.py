"""A network that is lost is never written down as dead hosts: the fetch waits, goes on, or says so and stops."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.media.http.reachability import Channel, Evidence
from tests.end_to_end.lost_network import inside, why_not

HOSTS = ("alpha.org", "media.beta.net", "www.gamma.ac.uk", "delta.com", "images.epsilon.de", "zeta.museum")
needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def listing(tmp_path: Path, hosts: tuple[str, ...] = HOSTS, each: int = 5, port: str = ":{port}") -> Path:
    path = tmp_path / "urls.csv"
    path.write_text("url\n" + "".join(f"http://{host}{port}/ok/{n}\n" for host in hosts for n in range(each)))
    return path


def command(tmp_path: Path, *more: str) -> list[str]:
    options = [f"--allow-private={host}" for host in (*HOSTS, "one.org", "two.org")]
    options += ["--contact=a@example.org", "--no-robots", "--rate=1000", "--min-side=8", "--attempts=1", *more]
    return ["fetch", str(tmp_path / "urls.csv"), "-o", str(tmp_path / "out"), *options]


def rows(tmp_path: Path) -> dict[str, tuple[str, int]]:
    table = pq.read_table(tmp_path / "out" / "outcomes.parquet").to_pylist()
    return {row["url"].partition("://")[2].partition(":")[0]: (row["outcome"], row["attempts"]) for row in table}


@needs_namespaces
def test_without_a_resolver_the_fetch_ends_with_status_3_and_the_command_that_goes_on(tmp_path: Path) -> None:
    listing(tmp_path)
    typed = command(tmp_path, "--patience=3")
    found, after = inside([typed, typed], resolver_before=1)
    assert found["status"] == 3
    assert 3 <= found["seconds"] < 60
    assert "the network is lost: the resolver failed" in found["err"]
    assert "30 of 30 images are still to be asked for" in found["err"]
    assert found["err"].rstrip().endswith("  go on:  biomill " + " ".join(typed))
    assert after["status"] == 0, after["err"]
    assert set(rows(tmp_path).values()) == {("stored", 1)}


@needs_namespaces
def test_a_resolver_that_comes_back_leaves_no_trace(tmp_path: Path) -> None:
    listing(tmp_path, (*HOSTS, "missing.org", "broken.net"))
    (found,) = inside([command(tmp_path, "--patience=60")], resolver_after=10)
    assert found["status"] == 0, found["err"]
    assert "paused, for the network seems lost: the resolver fails for" in found["out"]
    outcomes = rows(tmp_path)
    assert {host: outcomes[host] for host in HOSTS} == dict.fromkeys(HOSTS, ("stored", 1))
    # These two are dead whoever asks, and do not hold up the end.
    assert (outcomes["missing.org"][0], outcomes["broken.net"][0]) == ("dns_failed", "dns_failed")
    assert found["seconds"] < 90
    assert sorted(found["asked"]) == sorted(f"/ok/{n}" for _ in HOSTS for n in range(5))


@needs_namespaces
def test_dead_names_among_hosts_that_answer_are_their_own_fault_and_cost_no_patience(tmp_path: Path) -> None:
    dead = ("missing.org", "missing.net", "missing.com", "missing.de", "broken.org", "broken.net", "broken.com")
    listing(tmp_path, ("one.org", "two.org", *dead))
    (found,) = inside([command(tmp_path)], resolver_after=0)
    assert found["status"] == 0, found["err"]
    outcomes = rows(tmp_path)
    assert {outcomes[host][0] for host in dead} == {"dns_failed"}
    assert {outcomes[host] for host in ("one.org", "two.org")} == {("stored", 1)}
    assert found["seconds"] < 60
    # Asked again alone, they still are: hosts that answered before are looked up.
    (again,) = inside([command(tmp_path)], resolver_after=0)
    assert again["status"] == 0, again["err"]
    assert "35 media that were not reached are asked for again" in again["out"]
    assert again["seconds"] < 60


@needs_namespaces
def test_no_route_is_a_lost_network_for_addresses_too(tmp_path: Path) -> None:
    # Public addresses of nobody's name: without a route the kernel refuses before a packet is made.
    listing(tmp_path, ("93.184.215.14", "[2606:2800:21f:cb07::1]"), port="")
    (found,) = inside([command(tmp_path, "--patience=2", "--workers=2")], loopback=False)
    assert found["status"] == 3
    assert "the route failed" in found["err"] and "Network is unreachable" in found["err"]
    assert not (tmp_path / "out" / "outcomes.parquet").exists()


@needs_namespaces
@pytest.mark.skipif(shutil.which("ip") is None, reason="there is no ip command to lay a route with")
def test_silence_of_many_unrelated_hosts_is_a_lost_network_and_that_of_one_is_its_own(tmp_path: Path) -> None:
    addresses = ("93.184.215.14", "8.8.8.8", "1.1.1.1", "9.9.9.9")
    listing(tmp_path, addresses, port="", each=2)
    typed = command(tmp_path, "--patience=4", "--connect-timeout=0.5")
    (many,) = inside([typed], silent=True)
    assert many["status"] == 3
    assert "the network is lost: the route failed" in many["err"]
    assert not (tmp_path / "out" / "outcomes.parquet").exists()
    listing(tmp_path, addresses[:1], port="", each=2)
    (one,) = inside([typed], silent=True)
    assert "none of 1 host was reached" in one["err"]
    assert {outcome for outcome, _ in rows(tmp_path).values()} == {"timeout"}


@needs_namespaces
@pytest.mark.parametrize("host", ["missing.org", "broken.org"])
def test_a_list_of_which_not_one_host_was_reached_does_not_end_well(tmp_path: Path, host: str) -> None:
    listing(tmp_path, (host,))
    (found,) = inside([command(tmp_path, "--patience=2")], resolver_after=0)
    assert found["status"] == 3
    assert "the network is lost" in found["err"] and "go on:" in found["err"]


@needs_namespaces
def test_a_proxy_that_comes_back_leaves_no_trace_and_one_that_does_not_is_a_lost_network(tmp_path: Path) -> None:
    listing(tmp_path, ("one.org", "two.org", "dead.example.org"), port="")
    down, up = inside([command(tmp_path, "--patience=2"), command(tmp_path, "--patience=60")], proxy_after=6)
    assert down["status"] == 3
    assert "the proxy failed" in down["err"] and "127.0.0.1" in down["err"]
    assert up["status"] == 0, up["err"]
    assert set(rows(tmp_path).values()) == {("stored", 1)}
    assert "hosts are asked through a proxy: http, https by 127.0.0.1:" in up["out"]
    assert not any("secret" in text for found in (down, up) for text in (found["out"], found["err"]))


def test_a_failure_is_evidence_only_of_what_failed() -> None:
    shown = Evidence()
    assert (shown.failed, shown.worked) == (None, {})
    shown.fail(Channel.ROUTE, "x" * 1000)
    assert (shown.failed, len(shown.reason)) == (Channel.ROUTE, 300)
