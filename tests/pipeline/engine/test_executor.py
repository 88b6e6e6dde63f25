"""Units are followed until all are done or one has failed, and what that one raised is raised here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from pipeline.engine.executor import followed
from pipeline.model.errors import StorageError


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def fail() -> None:
    raise StorageError("no space", where="there", remedy="make some")


def until(event: threading.Event) -> None:
    if not event.wait(60):
        raise TimeoutError


def test_the_follower_gets_its_turn_while_units_go_on_and_the_end_comes_with_the_last(pool: ThreadPoolExecutor) -> None:
    first, last = threading.Event(), threading.Event()
    futures: list[Future[None]] = [pool.submit(until, event) for event in (first, last)]
    turns = followed(futures)
    next(turns)
    first.set()
    futures[0].result(timeout=60)
    next(turns)
    assert not futures[1].done()
    last.set()
    for _ in turns:
        pass
    assert all(future.done() for future in futures)


def test_a_failure_is_raised_while_other_units_go_on(pool: ThreadPoolExecutor) -> None:
    last = threading.Event()
    futures: list[Future[None]] = [pool.submit(until, last), pool.submit(fail)]
    try:
        with pytest.raises(StorageError) as caught:
            list(followed(futures))
        assert caught.value.where == "there"
        assert not futures[0].done()
    finally:
        last.set()


def test_a_failure_is_raised_too_when_all_are_done(pool: ThreadPoolExecutor) -> None:
    done = threading.Event()
    done.set()
    futures: list[Future[None]] = [pool.submit(until, done), pool.submit(fail)]
    wait(futures, 60)
    with pytest.raises(StorageError):
        list(followed(futures))


def test_no_units_are_done_at_once() -> None:
    assert list(followed([])) == []
