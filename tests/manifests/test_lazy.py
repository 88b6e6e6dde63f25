"""Packages whose names are imported when they are used: the three lists of each say the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from manifests.lazy import lazy_names

ROOT = Path(__file__).parents[2]
LAZY = sorted(
    path.parent.relative_to(ROOT).as_posix().replace("/", ".")
    for name in ("manifests", "taxonomy", "dedup", "pipeline")
    for path in (ROOT / name).rglob("__init__.py")
    if "lazy_names(" in path.read_text(encoding="utf-8")
)


def tree_of(package: str) -> ast.Module:
    return ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))


def homes_for_a_type_checker(tree: ast.Module) -> dict[str, str]:
    """The names that the package imports under TYPE_CHECKING, with their modules."""
    guarded = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [each for node in guarded for each in ast.walk(node) if isinstance(each, ast.ImportFrom)]
    return {name.name: str(each.module) for each in imports for name in each.names}


def homes_for_python(tree: ast.Module) -> dict[str, str]:
    """The names that the package takes when they are used, with their modules."""
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy_names"
    ]
    homes = ast.literal_eval(call.args[1])
    return {name: module for module, names in homes.items() for name in names}


def test_there_are_such_packages() -> None:
    assert {"dedup", "manifests", "pipeline.catalog", "pipeline.query"} <= set(LAZY)


@pytest.mark.parametrize("package", LAZY)
def test_what_is_listed_is_what_a_type_checker_and_python_find(package: str) -> None:
    tree, module = tree_of(package), import_module(package)
    homes = homes_for_python(tree)
    assert homes == homes_for_a_type_checker(tree)
    assert sorted(homes) == sorted(module.__all__)
    assert set(homes) <= set(dir(module))
    for name, home in homes.items():
        assert getattr(module, name) is getattr(import_module(home), name), name


@pytest.mark.parametrize("package", LAZY)
def test_no_name_is_that_of_a_module_in_the_package(package: str) -> None:
    """Its import would put the module in the place of what the name stands for."""
    folder = ROOT / package.replace(".", "/")
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert set(homes_for_python(tree_of(package))) & modules == set()


@pytest.mark.parametrize("package", LAZY)
def test_the_import_of_the_package_loads_none_of_its_modules(package: str) -> None:
    code = f"import sys, {package}; print(*[name for name in sys.modules if name.startswith({package + '.'!r})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    allowed = {"manifests.lazy"} if package == "manifests" else set()
    assert set(done.stdout.split()) == allowed


def test_a_name_is_looked_for_once_and_any_other_is_an_attribute_error() -> None:
    import manifests

    find, listed = lazy_names("manifests", {"manifests.nearness": ("closest",)})
    assert "closest" in listed() and "closest" not in vars(manifests)
    assert find("closest") is vars(manifests).pop("closest")
    with pytest.raises(AttributeError, match="module 'manifests' has no attribute 'clsoest'"):
        find("clsoest")
