"""Ctrl-C ends a query as an interrupt, whatever the library under it makes of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import duckdb
import pytest

from pipeline.engine import interrupt


@pytest.fixture
def listening() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    interrupt.listen()
    yield
    interrupt.listen()  # forgets what came
    signal.signal(signal.SIGINT, before)


def press_until(over: threading.Event) -> None:
    """Press Ctrl-C as a person does: again when nothing came of it, as of one that comes while a module is loaded."""
    while not over.wait(0.5):
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_a_query_is_an_interrupt(listening: None) -> None:
    over = threading.Event()
    with duckdb.connect() as con:
        pressing = threading.Thread(target=press_until, args=(over,), daemon=True)
        with pytest.raises(KeyboardInterrupt), interrupt.heard():
            try:
                pressing.start()
                con.execute("SELECT sum(hash(range)) FROM range(1000000000000)").fetchall()
            finally:
                over.set()
    pressing.join()
    with pytest.raises(KeyboardInterrupt):
        interrupt.check()


def test_an_error_that_nobody_interrupted_stays_what_it_is(listening: None) -> None:
    with pytest.raises(duckdb.BinderException), interrupt.heard():
        duckdb.execute("SELECT nothing")
