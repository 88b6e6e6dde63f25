"""Every statement of the SQL files is asked by the module beside it, with a value for every place."""

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
    packed = {path for pattern in data["pipeline"] for path in (ROOT / "pipeline").glob(pattern)}
    assert packed >= set((ROOT / "pipeline").rglob("*.sql"))


@pytest.mark.parametrize("values", [{}, {"kept": "k"}, {"kept": "k", "names": "n", "more": "m"}])
def test_a_statement_without_a_value_or_with_one_too_many_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(PipelineError, match="kept_with_counts") as caught:
        Statements("pipeline.stages.select")("kept_with_counts", **values)
    assert caught.value.expected == "kept, names"


def test_a_name_that_the_file_has_not_is_refused() -> None:
    with pytest.raises(PipelineError, match="no_such") as caught:
        Statements("pipeline.stages.select")("no_such")
    assert "kept_with_counts" in str(caught.value.expected)


@pytest.mark.parametrize("value", [None, 1.5, ["a"]])
def test_what_is_no_sql_is_not_written_as_sql(value: float | list[str] | None) -> None:
    with pytest.raises(PipelineError, match="no SQL"):
        Statements("pipeline.stages.select")("kept_with_counts", kept=value, names="n")


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
