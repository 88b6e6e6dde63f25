"""Ctrl-C while a statement runs: it ends, and the connection is free for the next one, whenever and however often."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import duckdb
import pytest

from pipeline.query.running import Runner, runner

SLOW = "SELECT count(*), sum(hash(range)) FROM range(10000000000)"


@pytest.fixture(autouse=True)
def plain_handler() -> Iterator[None]:
    """As in a process of its own: a command that ran in this one may have left its handler, which takes note."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt(times: int = 1) -> None:
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.003)


def slow(con: duckdb.DuckDBPyConnection) -> None:
    """Press Ctrl-C in the thread that asks, before it does."""
    interrupt()
    con.execute(SLOW)


def test_an_interrupt_before_the_statement_has_begun_ends_it_all_the_same() -> None:
    with duckdb.connect() as con, runner(con) as run:
        with pytest.raises(KeyboardInterrupt):
            run(lambda: slow(con))
        assert run(lambda: con.execute("SELECT 42").fetchall()) == [(42,)]


@pytest.mark.parametrize("times", [1, 5, 40])
def test_the_connection_is_free_after_any_number_of_interrupts(times: int) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    pressed = threading.Thread(target=interrupt, args=(times,))

    def asked(con: duckdb.DuckDBPyConnection) -> None:
        pressed.start()
        con.execute(SLOW)

    try:
        with duckdb.connect() as con, runner(con) as run:
            with pytest.raises(duckdb.InterruptException):
                run(lambda: asked(con))
            pressed.join()
            assert run(lambda: con.execute("SELECT 42").fetchall()) == [(42,)]
    finally:
        pressed.join()
        signal.signal(signal.SIGINT, before)
    assert heard


def test_an_interrupt_that_its_owner_ignores_ends_nothing_but_the_statement() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with duckdb.connect() as con, runner(con) as run, pytest.raises(duckdb.InterruptException):
            run(lambda: slow(con))
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_handler_of_before_is_back_after_each_call() -> None:
    before = signal.getsignal(signal.SIGINT)
    with duckdb.connect() as con, runner(con) as run:
        assert run(lambda: con.execute("SELECT 1").fetchall()) == [(1,)]
        with pytest.raises(duckdb.CatalogException):
            run(lambda: con.execute("FROM nothing"))
    assert signal.getsignal(signal.SIGINT) is before


def test_from_another_thread_statements_run_too() -> None:
    got: list[object] = []
    with duckdb.connect() as con:

        def ask(run: Runner) -> None:
            got.append(run(lambda: con.execute("SELECT 1").fetchall()))

        with runner(con) as run:
            thread = threading.Thread(target=ask, args=(run,))
            thread.start()
            thread.join()
    assert got == [[(1,)]]
