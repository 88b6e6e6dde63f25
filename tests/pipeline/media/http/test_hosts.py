"""A host is asked no faster than it bears, and learns its rate from what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from urllib3.util import parse_url

from manifests.recipe import FetchRules
from pipeline.media.http.hosts import Host, Job
from pipeline.media.http.limits import HostLimit
from pipeline.model.outcomes import Outcome

SLOW_BY = 0.02
"""Seconds of lateness that the next starts make up for."""


def host(rate: float = 10.0, connections: int = 8, share: float = 1.0, answered: bool = True, **rules: float) -> Host:
    made = Host("h", rate, rate, HostLimit(rate, connections, 20, share), FetchRules(**rules))  # type: ignore[arg-type]
    if answered:
        made.breaker("http://h").note(None)
    return made


def job(key: str, throttles: int = 0) -> Job:
    return Job(key, f"http://h/{key}", parse_url(f"http://h/{key}"), 10.0, throttles=throttles)


def answers(one: Host, count: int, start: float, gap: float) -> float:
    """Let the host answer so often; return the time of the last answer."""
    for number in range(count):
        one.bore(start + number * gap)
    return start + (count - 1) * gap


def test_a_host_without_jobs_has_no_turn_and_with_jobs_gives_them_in_their_order() -> None:
    one = host()
    assert one.earliest() is None
    one.feeds.append(iter([job("a"), job("b")]))
    one.feeds.append(iter([job("c")]))
    taken = []
    while (turn := one.earliest()) is not None:
        taken.append(one.take(turn).key)
    assert taken == ["a", "b", "c"]
    assert not one.feeds


def test_jobs_are_made_only_when_their_turn_has_come() -> None:
    made: list[str] = []

    def feed() -> Iterator[Job]:
        for key in "abc":
            made.append(key)
            yield job(key)

    one = host()
    one.feeds.append(feed())
    assert one.earliest() == 0.0
    assert one.earliest() == 0.0
    assert made == ["a"]


def test_starts_keep_the_rate_and_make_up_only_for_a_thread_woken_late() -> None:
    one = host(rate=10.0)
    one.ready.extend(job(str(number)) for number in range(9))
    one.start(100.0)
    assert one.earliest() == pytest.approx(100.0 - SLOW_BY + 0.1)
    one.start(100.09)
    assert one.earliest() == pytest.approx(100.0 - SLOW_BY + 0.2)
    one.start(105.0)  # a pause of seconds is not made up for by a burst
    assert one.earliest() == pytest.approx(105.0 - SLOW_BY + 0.1)
    assert one.in_flight == 3


def test_no_more_connections_than_its_limit_and_two_until_it_answers() -> None:
    one = host(connections=3, answered=False)
    one.ready.append(job("a"))
    assert one.suspect
    one.in_flight = 1
    assert one.earliest() is not None
    one.in_flight = 2
    assert one.earliest() is None
    one.breaker("http://h").note(None)
    assert not one.suspect
    assert one.earliest() is not None
    one.in_flight = 3
    assert one.earliest() is None


def test_one_origin_that_answers_is_enough_not_to_be_suspect_and_each_keeps_its_own_record() -> None:
    one = host(answered=False)
    for _ in range(3):
        one.breaker("https://h").note(Outcome.TLS_FAILED)
    assert one.suspect
    one.breaker("http://h").note(None)
    assert not one.suspect
    assert one.breaker("https://h").streak == 3
    assert one.breaker("http://h").streak == 0


def test_a_host_whose_images_wait_to_be_decoded_is_not_asked_for_more() -> None:
    one = host()
    one.ready.append(job("a"))
    one.deferred = 3
    assert one.earliest() is not None
    one.deferred = 4
    assert one.earliest() is None


def test_robots_come_first_and_nothing_else_before_their_answer() -> None:
    one = host()
    one.ready.append(job("image"))
    one.robots_jobs.append((5.0, 0, job("robots")))
    one.robots_pending = True
    assert one.earliest() == 5.0
    assert one.take(5.0).key == "robots"
    assert one.earliest() is None
    one.robots_pending = False
    assert one.earliest() == 0.0
    assert one.take(0.0).key == "image"


def test_a_job_put_off_is_taken_at_its_time_and_a_ready_one_before() -> None:
    one = host()
    one.waiting.append((50.0, 0, job("late")))
    assert one.earliest() == 50.0
    one.ready.extend([job("now"), job("then")])
    assert one.earliest() == 0.0
    assert one.take(49.9).key == "now"
    assert one.take(50.0).key == "late"
    assert one.take(50.0).key == "then"


@pytest.mark.parametrize("field", ["next_start", "paused_until", "held_until"])
def test_a_turn_waits_for_whatever_holds_it_longest(field: str) -> None:
    one = host()
    one.ready.append(job("a"))
    one.next_start, one.paused_until, one.held_until = 3.0, 3.0, 3.0
    setattr(one, field, 7.0)
    assert one.earliest() == 7.0


def test_a_host_that_says_too_many_is_never_again_asked_as_much_as_it_bore() -> None:
    one = host(rate=100.0)
    now = answers(one, 20, 100.0, 0.05)
    one.throttled(now, 2.0, 429, True)  # so short a wait speaks of requests per second
    assert one.ceiling == pytest.approx(0.8 * 20)
    assert one.rate == pytest.approx(0.8 * 20)  # half of 100 is more than that
    answers(one, 500, now + 1.0, 0.1)
    assert one.ceiling == pytest.approx(0.8 * 20)


def test_a_host_that_does_not_say_how_long_may_be_asked_a_little_more_with_time() -> None:
    one = host(rate=100.0)
    now = answers(one, 20, 100.0, 0.05)
    one.throttled(now, None, 429, True)
    assert one.ceiling == pytest.approx(0.8 * 20)
    answers(one, 100, now + 1.0, 0.1)
    assert one.ceiling == pytest.approx(0.8 * 20 * 1.05**2)


def test_a_long_wait_speaks_of_that_long_a_time() -> None:
    one = host(rate=100.0)
    now = answers(one, 40, 100.0, 0.25)  # 40 answers in ten seconds
    one.throttled(now, 10.0, 429, True)
    assert one.ceiling == pytest.approx(0.8 * 4)
    answers(one, 50, now + 11.0, 0.1)
    assert one.ceiling == pytest.approx(0.8 * 4 * 1.05)  # it may rise again, slowly


def test_one_answer_in_the_time_says_nothing_of_a_rate() -> None:
    one = host(rate=100.0)
    one.bore(100.0)
    one.throttled(100.0, None, 429, True)
    assert (one.ceiling, one.rate) == (100.0, 50.0)


def test_a_failing_server_is_asked_half_as_often_but_may_be_asked_as_much_again() -> None:
    one = host(rate=16.0)
    now = answers(one, 30, 100.0, 0.01)
    one.throttled(now, None, 503, True)
    assert (one.ceiling, one.rate) == (16.0, 8.0)
    answers(one, 49, now, 0.1)
    assert one.rate == 8.0
    one.bore(now)
    assert one.rate == 10.0
    answers(one, 50 * 9, now, 0.1)
    assert one.rate == 16.0


def test_no_rate_falls_below_one_a_second_unless_the_host_asks_for_less() -> None:
    one = host(rate=1.5)
    one.throttled(100.0, None, 503, True)
    assert one.rate == 1.0
    one.slow_to(4.0)
    assert (one.rate, one.ceiling) == (0.25, 0.25)
    one.throttled(200.0, None, 503, True)
    assert one.rate == 0.25


def test_a_crawl_delay_is_shared_by_the_tasks_and_not_outgrown() -> None:
    one = host(rate=10.0, share=0.5)
    one.slow_to(0.0)
    assert one.rate == 10.0
    one.slow_to(2.0)
    assert one.rate == 0.25
    answers(one, 500, 100.0, 4.0)
    assert one.rate == 0.25
    fast = host(rate=10.0)
    fast.slow_to(0.01)  # a delay that allows more than the recipe changes nothing
    assert fast.rate == 10.0


def test_pauses_grow_while_a_host_goes_on_throttling_and_start_anew_after_an_answer() -> None:
    one = host(max_retry_after=100.0, patience=1e9)
    pauses = []
    for number in range(5):
        one.throttled(1000.0 * number, None, 503, True)
        pauses.append(one.paused_until - 1000.0 * number)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    for number in range(5, 20):
        one.throttled(1000.0 * number, None, 503, True)
    assert one.paused_until == 19_000.0 + 100.0  # never longer than the recipe says
    one.bore(30_000.0)
    one.throttled(30_000.0, None, 503, True)
    assert one.paused_until == 30_001.0


def test_the_wait_it_asks_for_is_kept_and_at_least_half_of_what_we_would_wait() -> None:
    one = host(max_retry_after=100.0, patience=1e9)
    one.throttled(0.0, 0.25, 429, True)
    assert one.paused_until == 0.25
    for _ in range(4):
        one.throttled(0.0, 0.25, 429, True)
    assert one.paused_until == 8.0  # half of the sixteen seconds of the fifth time
    one.throttled(0.0, 30.0, 429, True)
    assert one.paused_until == 30.0
    one.throttled(1.0, 0.0, 429, True)
    assert one.paused_until == 33.0  # half of 64 seconds from then


def test_only_a_url_s_first_time_lowers_the_rate_and_only_once_in_a_row() -> None:
    one = host(rate=16.0)
    one.throttled(0.0, None, 503, False)
    assert one.rate == 16.0
    one.throttled(1.0, None, 503, True)
    assert one.rate == 16.0
    one.bore(2.0)
    one.throttled(3.0, None, 503, True)
    one.throttled(4.0, None, 503, True)
    assert one.rate == 8.0


def test_a_host_that_asks_for_more_than_our_patience_is_given_up() -> None:
    one = host(max_retry_after=10.0, patience=25.0)
    for at in (0.0, 10.0):
        one.throttled(at, 10.0, 503, True)
        assert one.given_up == 0
    one.throttled(20.0, 10.0, 503, True)
    assert one.given_up == 503


def test_an_answer_between_renews_our_patience() -> None:
    one = host(max_retry_after=10.0, patience=25.0)
    for at in (0.0, 10.0):
        one.throttled(at, 10.0, 503, True)
    one.bore(19.0)
    one.throttled(20.0, 10.0, 503, True)
    assert one.given_up == 0


def test_the_third_wait_in_a_row_that_is_too_long_gives_a_host_up() -> None:
    one = host(max_retry_after=10.0, patience=1e9)
    one.throttled(0.0, 10.0, 429, True)  # as long as may be is not too long
    assert one.long_waits == 0
    for _ in range(2):
        one.throttled(0.0, 11.0, 429, True)
    one.bore(1.0)
    for _ in range(2):
        one.throttled(2.0, 11.0, 429, True)
        assert one.given_up == 0
    one.throttled(2.0, 11.0, 429, True)
    assert one.given_up == 429


def test_a_url_is_at_fault_only_where_the_host_answers_others() -> None:
    one = host()
    assert not one.impatient(job("a", throttles=6))
    one.bore(0.0)
    assert one.impatient(job("a", throttles=6))
    assert not one.impatient(job("a", throttles=5))


def test_a_host_forgets_its_jobs_and_keeps_what_it_learnt() -> None:
    one = host(rate=16.0)
    one.bore(0.0)
    one.throttled(0.0, 3.0, 503, True)
    one.feeds.append(iter([job("a")]))
    one.ready.append(job("b"))
    one.robots_jobs.append((0.0, 0, job("c")))
    one.waiting.append((0.0, 0, job("d")))
    one.in_flight, one.deferred, one.robots_pending, one.turn_at, one.held_until = 2, 2, True, 1.0, 9.0
    one.forget()
    assert one.earliest() is None
    one.ready.append(job("e"))
    assert one.earliest() == 3.0  # the pause it asked for
    assert (one.rate, one.answered, one.in_flight, one.deferred) == (8.0, True, 0, 0)
    turn: float | None = one.turn_at
    assert turn is None
