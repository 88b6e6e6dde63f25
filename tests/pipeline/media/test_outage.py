"""The judge of lost networks: no host is blamed for what nobody could do, and no host can stop the others."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.http.known_hosts import KnownHosts
from pipeline.media.http.reachability import Channel, Evidence
from pipeline.media.outage import MANY, Outage
from pipeline.model.errors import NetworkLostError

HOSTS = [f"media.host{n}.org" for n in range(8)]
STRONG, WEAK = (
    Evidence(failed=Channel.RESOLVER, reason="no"),
    Evidence(failed=Channel.RESOLVER, strong=False, reason="no"),
)


def judge(patience: float = 1e9) -> Outage:
    return Outage(patience, KnownHosts(None), lambda text: None)


def works(at: float) -> Evidence:
    return Evidence({Channel.RESOLVER: at})


Event = tuple[str, int]
EVENTS = st.lists(st.tuples(st.sampled_from(["strong", "weak", "hear", "works"]), st.integers(0, 7)), max_size=80)


@given(EVENTS)
def test_a_strong_sign_is_a_hosts_own_only_if_the_channel_worked_since_its_last_one(events: list[Event]) -> None:
    outage, struck, worked = judge(), dict[str, float](), -1.0
    for now, (what, place) in enumerate(events, start=1):
        host = HOSTS[place]
        if what in ("strong", "weak"):
            held = outage.strike(host, STRONG if what == "strong" else WEAK, float(now))
            if what == "strong":
                assert (held is None) == (host in struck and worked > struck[host])
            elif held is None:
                assert host in struck
            struck[host] = float(now)
        elif what == "hear":
            outage.hear(host, Evidence(), True, float(now))
            struck.pop(host, None)
        else:
            outage.hear(host, works(float(now)), False, float(now))
            worked = float(now)


@given(st.integers(1, 8), st.booleans())
def test_weak_signs_are_held_only_where_many_unrelated_hosts_show_them(count: int, related: bool) -> None:
    hosts = [f"media{n}.example.org" if related else HOSTS[n] for n in range(count)]
    outage = judge()
    assert all(outage.strike(host, WEAK, 1.0 + n) is not None for n, host in enumerate(hosts))
    held = [outage.strike(host, WEAK, 20.0 + n) is not None for n, host in enumerate(hosts)]
    # As each is found to be its own, fewer are left that speak for a lost network.
    assert all(held) if count >= MANY and not related else not any(held)


@pytest.mark.parametrize("shown", [STRONG, WEAK])
def test_requests_that_were_on_their_way_together_are_one_strike(shown: Evidence) -> None:
    outage = judge()
    assert outage.strike("a.org", shown, 10.0, began=9.0) is not None
    outage.hear("b.org", works(10.1), True, 10.1)
    assert outage.strike("a.org", shown, 10.2, began=9.0) is not None
    assert outage.strike("a.org", shown, 11.5, began=11.4) is None


@given(EVENTS, st.floats(5, 50))
def test_the_fetch_ends_only_after_patience_without_any_answer(events: list[Event], patience: float) -> None:
    outage, first, heard = judge(patience), None, -1e9
    for now, (what, place) in enumerate(events, start=1):
        if what == "hear":
            outage.hear(HOSTS[place], works(float(now)), True, float(now))
            heard = float(now)
            continue
        try:
            if outage.strike(HOSTS[place], STRONG, float(now)) is not None and first is None:
                first = float(now)
        except NetworkLostError:
            assert first is not None
            assert now - max(first, heard) >= patience
            return


def test_a_host_that_is_always_struck_ends_nothing_while_another_answers() -> None:
    outage, now = judge(patience=10.0), 0.0
    while now < 10_000.0:
        outage.hear("good.net", Evidence(), True, now)  # over a connection that needs no look-up
        held = outage.strike("bad.org", STRONG, now)
        assert held is not None
        now = held
    with pytest.raises(NetworkLostError):
        for _ in range(50):
            now = outage.strike("bad.org", STRONG, now) or now


def test_a_pause_lets_scouts_pass_and_hosts_that_answer_all_the_same() -> None:
    outage = judge()
    for n in range(4):
        outage.strike(HOSTS[n], STRONG, float(n))
    admitted = sum(outage.admits(f"other{n}.net", 5.0) == 0.0 for n in range(100))
    assert 1 <= admitted <= 8
    opens = outage.admits("late.net", 5.0)
    assert opens > 5.0
    assert sum(outage.admits(f"more{n}.net", opens) == 0.0 for n in range(100)) <= 8
    outage.hear("flows.net", Evidence(), True, opens)
    assert outage.admits("flows.net", opens) == 0.0
    assert outage.hear(HOSTS[0], works(opens + 1), True, opens + 1)
    assert all(outage.admits(f"other{n}.net", opens + 1) == 0.0 for n in range(100))


def test_pauses_grow_and_stay_bounded() -> None:
    outage, now, pauses = judge(), 0.0, []
    for _ in range(9):
        held = outage.strike("a.org", STRONG, now)
        assert held is not None
        pauses.append(held - now)
        now = held
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]


def test_one_process_learns_from_another_that_the_network_is_up(tmp_path: Path) -> None:
    folder = tmp_path / "network"
    mine, others = Outage(300.0, KnownHosts(folder), print), Outage(300.0, KnownHosts(folder), print)
    now = time.monotonic()
    assert mine.strike("bad.org", STRONG, now - 5.0) is not None
    others.hear("good.net", works(now), True, now)
    assert mine.strike("bad.org", STRONG, now + 0.5) is None
    others.known.answered("good.net", 443)
    assert KnownHosts(folder).others("bad.org") == [("good.net", 443)]
