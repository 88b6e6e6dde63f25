"""The prompt of `biomill sql` on a real terminal: many lines, errors that do not end it, Ctrl-C, Ctrl-D, completion."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.query.statements import is_whole
from pipeline.query.values import cells
from tests.conftest import Demo
from tests.pipeline.query.terminal import Typed

SLOW = "SELECT count(*), sum(hash(range)) FROM range(10000000000)"


def test_a_session_of_questions(demo: Demo, tmp_path: Path) -> None:
    with Typed(["sql", str(demo.out)], tmp_path) as terminal:
        terminal.until("sql> ")
        terminal.type("SELECT count(*) AS kept\n")
        terminal.until("...> ")
        terminal.type("FROM samples WHERE key <> ';' -- ;\n")
        terminal.until("...> ")
        terminal.type("; SELECT 'two' AS second;\n")
        told = terminal.until("sql> ")
        assert "kept" in told and "second" in told and "two" in told
        terminal.type("SELECT acepted_name FROM samples;\n")
        told = terminal.until("sql> ")
        assert "Candidate bindings" in told and "^^^" in told
        terminal.type("FROM sampels;\n")
        assert 'Did you mean "samples"?' in terminal.until("sql> ")
        terminal.type(".tables\n")
        told = terminal.until("sql> ")
        assert "lost_by(" in told and "attribution" in told
        terminal.type(".schema taxa\n")
        assert "accepted_rank" in terminal.until("sql> ")
        terminal.type(".format jsonl\nSELECT 1 AS a, NULL AS b;\n")
        assert '{"a": 1, "b": null}' in terminal.until("row")
        terminal.until("sql> ")
        terminal.type("CREATE VIEW x AS SELECT 1;\n")
        assert "--write" in terminal.until("sql> ")
        # A half-typed question is thrown away by Ctrl-C, and a running one is ended.
        terminal.type("SELECT 'never asked\n")
        terminal.until("...> ")
        terminal.interrupt("sql> ")
        told = ""
        while "interrupted" not in told:  # keys may be echoed, and the interrupt come, before the question is asked
            terminal.type(f"{SLOW};\n")
            terminal.until("10000000000);\n")
            told = terminal.interrupt("sql> ")
        terminal.type("SELECT 6 * 7 AS answer;\n")
        assert "42" in terminal.until("sql> ")
        terminal.type("\x04")
        assert terminal.rest() == 0
    assert "Traceback" not in terminal.shown
    assert "FROM sampels;" in (tmp_path / "biomill" / "sql_history").read_text()
    with Typed(["sql", str(demo.out)], tmp_path) as terminal:
        terminal.until("sql> ")
        terminal.type("FROM quarant\t;\n")  # completed to the only name that begins so
        assert "FROM quarantine" in terminal.until("cluster_id")
        terminal.until("sql> ")
        terminal.type("\\q\n")
        assert terminal.rest() == 0


def test_ctrl_c_ends_a_single_question_with_130(demo: Demo, tmp_path: Path) -> None:
    with Typed(["sql", str(demo.out), SLOW], tmp_path) as terminal:
        while terminal.process.poll() is None and not cpu_seconds(terminal.process.pid) > 1.5:
            terminal._read(0.1)
        terminal.interrupt("interrupted")
        assert terminal.rest(within=20) == 130
    assert "Traceback" not in terminal.shown


def cpu_seconds(pid: int) -> float:
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@pytest.mark.parametrize("form", ["table", "box"])
def test_a_terminal_is_never_written_over_its_edge(demo: Demo, tmp_path: Path, form: str) -> None:
    wide = "SELECT *, repeat('美洲狮', 40) AS cat FROM samples LIMIT 3"
    with Typed(["sql", str(demo.out), wide, "--format", form], tmp_path, columns=70) as terminal:
        assert terminal.rest() == 0
    lines = terminal.shown.split("\n")
    assert len([line for line in lines if line]) == {"table": 5, "box": 8}[form]
    assert max(cells(line) for line in lines) == 70
    few = "SELECT key, repeat('x', 200) AS long, NULL AS nothing FROM samples LIMIT 1"
    with Typed(["sql", str(demo.out), few, "--format", form], tmp_path, columns=70) as terminal:
        assert terminal.rest() == 0
    assert "x…" in terminal.shown and "NULL" in terminal.shown


@given(st.text(alphabet="a;'\"$-/*\n", max_size=12))
def test_only_a_semicolon_outside_of_quotes_ends_a_question(text: str) -> None:
    assert not is_whole(f"SELECT '{text.replace(chr(39), '')};")
    assert is_whole(f"SELECT '{text.replace(chr(39), '')}';")
    assert not is_whole(f"SELECT $q$ {text} ;")
    assert not is_whole("SELECT 1 -- " + text.replace("\n", " ") + ";")
    assert is_whole("SELECT 1 /* " + text.replace("*/", "") + " */ ;") or text.endswith("*")
