"""Time left: the slowest host decides, failures that cost no request count for nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.pace import WINDOW, HostProgress, Pace, holding_up, time_left
from pipeline.media.progress import host_table, progress_line

rates = st.none() | st.floats(0, 1000)
hosts = st.builds(
    HostProgress,
    host=st.sampled_from(["a.org", "b.org", "c.org"]),
    planned=st.integers(0, 10**9),
    stored=st.integers(0, 10**9),
    failed=st.dictionaries(st.sampled_from(["gone", "timeout"]), st.integers(1, 10**6)),
    waiting=st.integers(0, 10**9),
    rate=rates,
    allowed=st.none() | st.floats(0.1, 1000),
)


@given(st.lists(hosts, max_size=6))
def test_the_slowest_host_decides_and_none_beats_its_allowed_rate(found: list[HostProgress]) -> None:
    left = time_left(found)
    for each in found:
        if each.allowed and each.left is not None:
            assert each.left >= each.waiting / each.allowed * (1 - 1e-9)
        if each.left is not None:
            assert left is not None
            assert left >= each.left
    if left:
        assert any(each.left == left for each in found)
        slow = holding_up(found)
        assert all(each.waiting for each in slow)
        assert len(slow) == 3 or max(found, key=lambda each: each.left or 0.0) in slow
    assert "\n" not in progress_line(found)
    assert len(list(host_table(found, limit=2))) == (0 if not found else min(len(found), 3) + 1)


def test_a_host_that_fails_fast_makes_no_other_host_look_fast() -> None:
    """A thousand images of a dead host end in a second; the slow host's 90 take 45 s as before."""
    pace = Pace()
    pace.look(Counter({"dead.org": 0, "slow.org": 0}), 0.0)
    for second in range(1, 6):
        pace.look(Counter({"dead.org": 20, "slow.org": 2 * second}), float(second))
    found = pace.rates()
    slow = HostProgress("slow.org", 100, 10, {}, 90, found["slow.org"], 10.0)
    dead = HostProgress("dead.org", 1020, 0, {"host_down": 1020}, 0, found["dead.org"], 10.0)
    assert time_left([dead, slow]) == pytest.approx(45.0)
    assert [each.host for each in holding_up([dead, slow])] == ["slow.org"]
    line = progress_line([dead, slow])
    assert "(10 stored, 1,020 not had)" in line
    assert "about 45 s left, for slow.org: 90 at 2.0/s" in line


def test_a_rate_is_measured_from_the_first_answer_on_and_over_the_last_minute() -> None:
    pace = Pace()
    for second in range(301):
        late = max(0, second - 100)
        pace.look(Counter({"late.org": 3 * late, "falls.org": min(10 * second, 1000) + max(0, second - 100)}), second)
    assert pace.rates() == {"late.org": pytest.approx(3.0), "falls.org": pytest.approx(1.0)}


def test_a_silent_host_has_its_average_and_one_that_never_answered_has_none() -> None:
    pace = Pace()
    for second in range(0, 201, 5):
        pace.look(Counter({"paused.org": min(second, 50), "mute.org": 7}), float(second))
    assert pace.rates()["paused.org"] == pytest.approx(50 / 200)
    assert pace.rates()["mute.org"] == 0.0
    mute = HostProgress("mute.org", 9, 7, {}, 2, 0.0, 10.0)
    assert (mute.left, time_left([mute])) == (None, None)
    assert "time left unknown, for mute.org: 2, silent" in progress_line([mute])
    fresh = Pace()
    fresh.look(Counter({"mute.org": 7}), 0.0)
    fresh.look(Counter({"mute.org": 7}), WINDOW / 2)
    assert fresh.rates() == {}
