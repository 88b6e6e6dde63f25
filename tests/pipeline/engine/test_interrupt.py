"""Ctrl-C ends a query as an interrupt, whatever the library under it makes of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline.engine import interrupt
from pipeline.storage.database import connect


@pytest.fixture
def listening() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    wakened = signal.set_wakeup_fd(-1)
    interrupt.listen()
    yield
    interrupt.listen()  # forgets what came
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(wakened)


@pytest.mark.parametrize(
    ("number", "after"), [(signal.SIGINT, 0.3), (signal.SIGINT, 0.5), (signal.SIGINT, 0.7), (signal.SIGTERM, 0.9)]
)
def test_ctrl_c_in_a_query_is_an_interrupt(listening: None, tmp_path: Path, number: int, after: float) -> None:
    with pytest.raises(KeyboardInterrupt), interrupt.heard(), connect(256, tmp_path) as con:
        threading.Timer(after, os.kill, (os.getpid(), number)).start()
        con.execute("SELECT sum(hash(range)) FROM range(1000000000000)").fetchall()
    with pytest.raises(KeyboardInterrupt):
        interrupt.check()


def test_an_error_that_nobody_interrupted_stays_what_it_is(listening: None) -> None:
    with pytest.raises(duckdb.BinderException), interrupt.heard():
        duckdb.execute("SELECT nothing")
