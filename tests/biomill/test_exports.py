"""The public API is what biomill lists: typed, documented, and the same for type checkers and at run time."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import biomill
import manifests.errors
import pipeline.model.errors

SOURCE = Path(biomill.__file__)


def seen_by_a_type_checker() -> dict[str, str]:
    """Return the names that the block for type checkers imports, with the module of each."""
    for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return {
                alias.asname or alias.name: str(each.module)
                for each in node.body
                if isinstance(each, ast.ImportFrom)
                for alias in each.names
            }
    raise AssertionError("biomill has no block for type checkers")


def callables() -> Iterator[tuple[str, Any]]:
    for name in biomill.__all__:
        found = getattr(biomill, name)
        if inspect.isfunction(found):
            yield name, found
    for name, found in inspect.getmembers(biomill.Run, inspect.isfunction):
        if not name.startswith("_"):
            yield f"Run.{name}", found
    yield "Fetched.outcomes", biomill.Fetched.outcomes


def test_what_is_listed_is_what_is_public() -> None:
    assert biomill.__all__ == sorted(biomill.__all__)
    assert len(set(biomill.__all__)) == len(biomill.__all__)
    assert {*seen_by_a_type_checker(), "__version__"} == set(biomill.__all__)
    assert set(biomill.__all__) <= set(dir(biomill))


def test_a_type_checker_and_python_find_the_same_thing_under_a_name() -> None:
    for name, module in seen_by_a_type_checker().items():
        assert getattr(biomill, name) is getattr(sys.modules[module], name), name


def test_what_the_commands_do_has_a_function_or_a_method() -> None:
    wanted = {
        *("run", "open_run", "inspect", "resolve_names", "deduplicate", "check_leakage", "fetch"),
        *("Run", "BiomillError", "__version__"),
    }
    assert wanted <= set(biomill.__all__)
    methods = {name for name, _ in inspect.getmembers(biomill.Run, inspect.isfunction) if not name.startswith("_")}
    assert methods == {"sql", "explain", "status", "verify", "export", "feed", "neighbours", "evaluate"}


def test_every_name_can_be_imported_at_once() -> None:
    names: dict[str, Any] = {}
    exec("from biomill import *", names)
    assert set(biomill.__all__) <= set(names)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = biomill.nothing
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from biomill import nothing")


@pytest.mark.parametrize(("name", "function"), list(callables()), ids=[name for name, _ in callables()])
def test_every_public_callable_is_typed_and_documented(name: str, function: Any) -> None:
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty or parameter.name == "self", parameter
    doc = inspect.getdoc(function) or ""
    assert doc.startswith(("Return ", "Write ")), "a docstring begins with what is returned or done"
    named = [parameter for parameter in signature.parameters if parameter != "self"]
    assert [parameter for parameter in named if f"`{parameter}`" not in doc] == [], "parameters that no one explains"


def test_every_public_type_is_documented() -> None:
    for name in biomill.__all__:
        found = getattr(biomill, name)
        if inspect.isclass(found):
            assert (inspect.getdoc(found) or "").split("\n")[0].endswith((".", "raises.", ":")), name


def test_every_error_that_a_caller_may_catch_is_listed() -> None:
    known = {
        name
        for module in (manifests.errors, pipeline.model.errors)
        for name, found in vars(module).items()
        if inspect.isclass(found) and issubclass(found, biomill.BiomillError)
    }
    assert known <= set(biomill.__all__)
    for name in biomill.__all__:
        if name.endswith(("Error", "Errors")) and name != "ShadowedError":
            assert issubclass(getattr(biomill, name), biomill.BiomillError), name


def test_the_version_is_that_of_the_distribution() -> None:
    printed = subprocess.run([sys.executable, "-m", "biomill", "--version"], capture_output=True, text=True, check=True)
    assert printed.stdout == f"biomill {biomill.__version__}\n"
