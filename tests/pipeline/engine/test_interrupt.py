"""Ctrl-C ends a query as an interrupt, whatever the library under it makes of it."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from pipeline.engine import interrupt

ASKED = """
import os, signal, threading, time
import duckdb
from pipeline.engine import interrupt

def press():
    time.sleep(1.5)
    os.kill(os.getpid(), signal.SIGINT)

interrupt.listen()
try:
    con = duckdb.connect()  # closing it would wait for what still runs
    with interrupt.heard():
        threading.Thread(target=press, daemon=True).start()
        con.execute("SELECT sum(hash(range)) FROM range(1000000000000)").fetchall()
except KeyboardInterrupt:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("interrupted")
try:
    interrupt.check()
except KeyboardInterrupt:
    print("noted", flush=True)
os._exit(0)
"""


@pytest.mark.xfail(
    reason="a query that the main thread waits for may miss its interrupt",
    raises=subprocess.TimeoutExpired,
    strict=False,
)
def test_ctrl_c_in_a_query_is_an_interrupt() -> None:
    """In a process of its own, whose main thread asks: only there Python hears of signals."""
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=15)
    assert done.stdout.split() == ["interrupted", "noted"], done.stderr


def test_an_error_that_nobody_interrupted_stays_what_it_is() -> None:
    with pytest.raises(duckdb.BinderException), interrupt.heard():
        duckdb.execute("SELECT nothing")
