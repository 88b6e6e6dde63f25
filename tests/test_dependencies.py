"""What the product imports is what it declares: read from the source, and tried without what only tests need."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("biomill", "manifests", "taxonomy", "dedup", "pipeline")
# Modules of one extra, which import it at their top; others of the product import them in a call, if at all.
ROOMS = ("pipeline/train/networks", "pipeline/train/fitting", "pipeline/embed/encoders")
ADAPTERS = dict.fromkeys(
    (
        *("pipeline/feed/torch.py", "pipeline/embed/compute.py"),
        *(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")),
    ),
    "torch",
)
# What is declared for another package's sake: the module that it gives, and the package that imports it undeclared.
FOR_OTHERS = {"six": ("six", "ete3"), "legacy-cgi": ("cgi", "ete3")}
# Modules that bear another name than what gives them, where that need not be installed.
GIVEN_BY = {"open_clip": "open_clip_torch", "faiss": "faiss-cpu"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@dataclass(frozen=True)
class Import:
    """One import in the source: of which module, by which file, and whether only a call runs it."""

    name: str
    file: str
    late: bool


def normal(name: str) -> str:
    """The form in which the index compares names of distributions."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\s;<>=!~\[]", each, maxsplit=1)[0]) for each in requirements}


DEPENDENCIES = declared(PROJECT["dependencies"])
EXTRAS = {name: declared(listed) for name, listed in PROJECT["optional-dependencies"].items()}


def read(tree: ast.AST, late: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield every import below a node, also those that a call of import_module spells out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, late
            yield from ((f"{node.module}.{alias.name}", late) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from ((str(each.value), late) for each in node.args[:1] if isinstance(each, ast.Constant))
        yield from read(node, late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


@cache
def imports() -> list[Import]:
    return [
        Import(name, path.relative_to(ROOT).as_posix(), late)
        for package in PRODUCT
        for path in sorted((ROOT / package).rglob("*.py"))
        for name, late in read(ast.parse(path.read_text(encoding="utf-8")))
    ]


@cache
def foreign() -> dict[Import, set[str]]:
    """Return every import of what is neither Python's nor the product's, and the distributions that may serve it."""
    known = packages_distributions()
    tops = {each: each.name.partition(".")[0] for each in imports()}
    return {
        each: {normal(name) for name in known.get(top, [GIVEN_BY.get(top, top)])}
        for each, top in tops.items()
        if top not in PRODUCT and top not in sys.stdlib_module_names
    }


def test_a_reader_of_imports_sees_all_ways_to_import() -> None:
    source = "import a.b\ndef f():\n    from c import d\n    importlib.import_module('e.f')\nclass G:\n    import h\n"
    assert list(read(ast.parse(source))) == [
        ("a.b", False),
        ("c", True),
        ("c.d", True),
        ("e.f", True),
        ("h", False),
    ]


def test_what_the_product_imports_at_once_is_a_dependency() -> None:
    assert len(foreign()) > 200
    wrong = {
        f"{each.file}: {each.name}"
        for each, served in foreign().items()
        if not each.late and not served & DEPENDENCIES and not served & {ADAPTERS.get(each.file, "")}
    }
    assert wrong == set()


def test_what_the_product_imports_when_called_is_a_dependency_or_in_an_extra_for_users() -> None:
    offered = DEPENDENCIES.union(*(listed for extra, listed in EXTRAS.items() if extra != "dev"))
    assert {f"{each.file}: {each.name}" for each, served in foreign().items() if not served & offered} == set()


def test_adapters_are_of_an_extra_and_are_imported_by_others_in_a_call_alone() -> None:
    assert all(
        any(package in listed for extra, listed in EXTRAS.items() if extra != "dev") for package in ADAPTERS.values()
    )
    modules = {file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in ADAPTERS}
    names = [each for each in imports() if each.name in modules or each.name.rpartition(".")[0] in modules]
    assert {each.file for each in names if not each.late and each.file not in ADAPTERS} == set()
    assert any(each.late and each.file.startswith("pipeline/commands/") for each in names)


def test_every_dependency_is_imported_or_is_there_for_another_that_imports_it() -> None:
    served = set().union(*foreign().values())
    assert DEPENDENCIES - served == FOR_OTHERS.keys()


@pytest.mark.parametrize("name", FOR_OTHERS)
def test_what_is_there_for_another_package_is_imported_by_it_and_not_declared(name: str) -> None:
    module, other = FOR_OTHERS[name]
    found = find_spec(other)
    assert found is not None and found.submodule_search_locations
    sources = [path for root in found.submodule_search_locations for path in Path(root).rglob("*.py")]
    pattern = re.compile(rf"^\s*(?:import|from) {module}\b", re.MULTILINE)
    assert any(pattern.search(path.read_text(encoding="utf-8", errors="replace")) for path in sources)


def installed_with(names: set[str]) -> set[str]:
    """Return the distributions and all that they need, and what these need in turn."""
    needed: set[str] = set()
    left = set(names)
    while left:
        name = left.pop()
        needed.add(name)
        with suppress(PackageNotFoundError):
            asked = [each for each in requires(name) or [] if "extra ==" not in each]
            left |= declared(asked) - needed
    return needed


WITHOUT = """
import importlib, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
for module in sys.argv[2].split(","):
    importlib.import_module(module)
print(*sorted(sys.modules))
"""


def test_the_product_imports_without_what_only_tests_and_extras_need() -> None:
    optional = set().union(*EXTRAS.values()) - installed_with(DEPENDENCIES)
    blocked = {top for top, names in packages_distributions().items() if {normal(each) for each in names} & optional}
    assert {"pdqhash", "webdataset", "pytest"} <= blocked
    files = {path.relative_to(ROOT) for package in PRODUCT for path in (ROOT / package).rglob("*.py")}
    wanted = sorted(
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in files
        if path.name != "__main__.py" and path.as_posix() not in ADAPTERS
    )
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, ",".join(sorted(blocked)), ",".join(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(wanted) <= set(done.stdout.split())
