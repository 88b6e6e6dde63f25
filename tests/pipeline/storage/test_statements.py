"""SQL lies in files: every statement of theirs is asked by the module beside it, and no long one stands in Python."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.errors import PipelineError
from pipeline.storage.statements import Statements, identifier, literal, places, texts

ROOT = Path(__file__).parents[3]
ROOMS = ("pipeline", "taxonomy", "dedup", "manifests", "biomill")
LONGEST = 3
"""Lines of a statement that may stand in Python."""
SQL = re.compile(
    r"\b(SELECT|INSERT INTO|CREATE (OR REPLACE |TEMP )*(TABLE|VIEW|MACRO)|JOIN|CASE|FILTER|GROUP BY|ORDER BY)\b"
)
FILES = sorted(path for path in (ROOT / "pipeline").rglob("*.sql") if path.with_suffix(".py").exists())


def asked(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield the name and the values of every statement that a module asks for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_SQL":
            (name,) = node.args
            assert isinstance(name, ast.Constant), f"{path.name}, line {node.lineno}: the name is written out"
            yield str(name.value), {str(each.arg) for each in node.keywords}


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_module_asks_for_all_statements_beside_it_and_fills_every_place(path: Path) -> None:
    known = {name: set(places(text)) for name, text in texts(module(path)).items()}
    calls = list(asked(path.with_suffix(".py")))
    assert known and {name for name, _ in calls} == known.keys()
    assert [(name, values) for name, values in calls if values != known[name]] == []


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_statements_have_a_reader_stand_alone_and_keep_to_the_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = re.findall(r"^-- name: (\w+)$", text, re.MULTILINE)
    assert len(names) == len(set(names)) == len(re.findall(r"^-- *name:", text, re.MULTILINE))
    assert text.startswith("-- ") and not text.startswith("-- name")
    assert [line for line in text.splitlines() if len(line) > 120] == []
    for statement in texts(module(path)).values():
        # A semicolon or a comment at an end would cut off what a statement is put into.
        assert statement and ";" not in statement and "--" not in statement


def test_sql_files_are_part_of_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    for room in ROOMS:
        packed = {path for pattern in data[room] for path in (ROOT / room).glob(pattern)}
        assert packed >= set((ROOT / room).rglob("*.sql")), room


class LongStatements(ast.NodeVisitor):
    """Finds the lines of SQL texts of more than LONGEST lines; a docstring is none, nor is what a shell is told."""

    def __init__(self, text: str) -> None:
        self.lines: list[int] = []
        self.visit(ast.parse(text))

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._look(node, " ".join(str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant)))

    def visit_Constant(self, node: ast.Constant) -> None:
        self._look(node, str(node.value))

    def _look(self, node: ast.expr, text: str) -> None:
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > LONGEST and SQL.search(text) and "biomill sql " not in text:
            self.lines.append(node.lineno)


@pytest.mark.parametrize("room", ROOMS)
def test_no_long_statement_stands_in_python(room: str) -> None:
    modules = sorted((ROOT / room).rglob("*.py"))
    assert modules
    found = {path: LongStatements(path.read_text(encoding="utf-8")).lines for path in modules}
    assert [f"{path.relative_to(ROOT)}:{lines[0]}" for path, lines in found.items() if lines] == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("con.execute('''SELECT a\n FROM t\n WHERE a\n LIMIT 1''')", [1]),
        ("con.execute(f'''SELECT a\n FROM {t}\n WHERE a\n LIMIT {n}''')", [1]),
        ("query = (\n 'CREATE OR REPLACE TEMP TABLE t AS '\n f'{rows} '\n 'WHERE a '\n 'LIMIT 1'\n)", [2]),
        ("QUERY = f'''{a}\n LEFT JOIN b\n USING (c)\n WHERE d'''", [1]),
        ("def f():\n  '''Return.\n\n  a\n  SELECT 1\n  '''\n  return '''CASE\n WHEN a\n THEN b\n END'''", [7]),
        ("con.execute('''SELECT a\n FROM t\n WHERE a''')", []),
        ("said = '''one\ntwo\nthree\nfour'''", []),
    ],
)
def test_a_statement_is_as_long_as_its_lines_however_it_is_written(text: str, lines: list[int]) -> None:
    assert LongStatements(text).lines == lines


@pytest.mark.parametrize("values", [{}, {"kept": "k"}, {"kept": "k", "names": "n", "more": "m"}])
def test_a_statement_without_a_value_or_with_one_too_many_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(PipelineError, match="totals") as caught:
        Statements("pipeline.splits.select_decisions")("totals", **values)
    assert caught.value.expected == "kept, names"


def test_a_name_that_the_file_has_not_is_refused() -> None:
    with pytest.raises(PipelineError, match="no_such") as caught:
        Statements("pipeline.splits.select_decisions")("no_such")
    assert "kept_with_counts" in str(caught.value.expected)


@pytest.mark.parametrize("value", [None, 1.5, ["a"]])
def test_what_is_no_sql_is_not_written_as_sql(value: float | list[str] | None) -> None:
    with pytest.raises(PipelineError, match="no SQL"):
        Statements("pipeline.splits.select_decisions")("totals", kept=value, names="n")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3), st.integers(-(2**31), 2**31), st.booleans())
def test_values_come_back_as_they_were_given(text: str, several: list[str], number: int, truth: bool) -> None:
    con = duckdb.connect()
    row = con.execute(
        f"SELECT {literal(text)}, {literal(text)} IN {literal([*several, text])}, {literal(number)}, {literal(truth)}, "
        f"{literal(None)}, {literal(0.1)}::DOUBLE"
    ).fetchall()
    assert row == [(text, True, number, truth, None, 0.1)]


@given(TEXTS.filter(bool))
def test_a_name_of_anything_is_a_name(name: str) -> None:
    found = duckdb.connect().execute(f"SELECT 1 AS {identifier(name)}").description
    assert found is not None and found[0][0] == name
