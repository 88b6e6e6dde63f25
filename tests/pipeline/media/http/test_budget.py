"""Bytes that are held at once stay within their budget, and nobody waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from pipeline.media import Fetcher, fetcher
from pipeline.media.http.budget import ByteBudget
from tests.pipeline.media.conftest import JPEG, Site

LIMIT, STEP, BODY = 100, 10, 60


def test_many_readers_hold_the_limit_and_one_body_at_most() -> None:
    budget, most = ByteBudget(LIMIT), [0]

    def read() -> None:
        for _ in range(10):
            holder = budget.holder()
            for _ in range(BODY // STEP):
                holder.take(STEP)
                most[0] = max(most[0], budget.used)
                time.sleep(0.0005)  # bodies arrive beside each other
            holder.release()

    readers = [threading.Thread(target=read, daemon=True) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(20)
    assert not any(reader.is_alive() for reader in readers)
    assert LIMIT - STEP < most[0] <= LIMIT + BODY
    assert budget.used == 0


def test_a_fetch_goes_through_a_budget_that_holds_two_bodies(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "HELD_BYTES", 2 * len(JPEG))
    with Fetcher(site.rules(total_timeout=5.0)) as asking:
        budget, most, arrived = asking._budget, 0, 0
        for _, answer in asking.fetch_all([site.url(f"ok/{n}") for n in range(40)]):
            arrived += answer.ok
            most = max(most, budget.used)
        assert (arrived, budget.used) == (40, 0)
    assert most <= 3 * (len(JPEG) + 2)
