"""Which tests speak of a module, read from the imports alone.

First the test file that mirrors the module, then the module's own doctests, then the tests of its folder, then test
files and doctests by how many imports lie between them and the module. A name that a package passes on counts as an
import of the module that defines it, so `from dedup import thin` is one step from `dedup/thinning.py`; so does a module
of the same area that stands by its name in a text, as readers of sources do, which are loaded when they are opened.
"""

from __future__ import annotations

import ast
from collections import deque
from functools import cached_property
from pathlib import Path

PRODUCT = ("biomill", "manifests", "taxonomy", "dedup", "pipeline")
STEPS = 2
"""Imports between a test of the same area and the module, at most; a test of another area imports the module itself."""
WHOLE = ("end_to_end", "conformance", "oracles", "pages", "performance", "real_input", "mutation")
"""Folders of tests that run the whole program: too dear to run for one mutant."""


class Imports:
    """The imports among the files below a root, product and tests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {
            path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
            for folder in (*PRODUCT, "tests")
            for path in sorted((root / folder).rglob("*.py"))
        }

    def _file(self, module: str) -> str | None:
        path = module.replace(".", "/")
        return next((file for file in (f"{path}.py", f"{path}/__init__.py") if file in self.files), None)

    def _resolve(self, module: str, name: str, depth: int = 0) -> str | None:
        """Return the file that defines a name of a module."""
        inner = self._file(f"{module}.{name}")
        if inner is not None:
            return inner
        file = self._file(module)
        if file is None or not file.endswith("__init__.py") or depth > 4:
            return file
        for node in self.files[file].body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._resolve(node.module, alias.name, depth + 1)
        return file

    def of(self, file: str) -> set[str]:
        """Return the files that a file imports, however late."""
        found: set[str | None] = set()
        for node in ast.walk(self.files[file]):
            if isinstance(node, ast.Import):
                found |= {self._file(alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {self._resolve(node.module, alias.name) for alias in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                named = self._file(node.value)
                found |= {named} if named is not None and area(named) == area(file) else set()
        if file.startswith("tests/"):
            # What a test's folder shares is there without an import; what all tests share is the whole program.
            parts = file.split("/")[:-1]
            found |= {"/".join([*parts[: n + 1], "conftest.py"]) for n in range(1, len(parts))} & self.files.keys()
        return {each for each in found if each is not None and each != file}

    @cached_property
    def importers(self) -> dict[str, set[str]]:
        """For every file the files that import it."""
        back: dict[str, set[str]] = {file: set() for file in self.files}
        for file in self.files:
            for imported in self.of(file):
                back[imported].add(file)
        return back

    def steps(self, file: str) -> dict[str, int]:
        """Return how many imports lie between every file that reaches this one, and it.

        A package that hands on, and what tests share, count for nothing.
        """
        steps, queue = {file: 0}, deque([file])
        while queue:
            here = queue.popleft()
            far = steps[here] + (here.rpartition("/")[2] not in ("__init__.py", "conftest.py"))
            for other in self.importers[here]:
                if far < steps.get(other, far + 1):
                    steps[other] = far
                    queue.append(other) if far > steps[here] else queue.appendleft(other)
        return steps

    def tests_of(self, file: str) -> list[str]:
        """Return the files whose tests are run for a mutant of a file, in the order they are run in."""
        folder, _, name = file.rpartition("/")
        mirrored = f"tests/{folder}/test_{name}"
        chosen = []
        for other, steps in self.steps(file).items():
            if other.startswith("tests/"):
                wanted = other.rpartition("/")[2].startswith("test_") and not self._is_whole(other)
                wanted &= self._near(file, other) or steps <= (STEPS if area(file) == area(other) else 1)
            else:
                wanted = steps <= 1 and area(file) == area(other) and self._has_examples(other)
            if wanted and other != mirrored:
                chosen.append((not self._near(file, other), max(steps, 1), other.startswith("tests/"), other))
        first = [mirrored] if mirrored in self.files else []
        own = [file] if self._has_examples(file) else []
        return first + own + [other for *_, other in sorted(chosen) if other not in first + own]

    def _near(self, file: str, test: str) -> bool:
        return test.startswith(f"tests/{file.rpartition('/')[0]}/")

    def _has_examples(self, file: str) -> bool:
        return ">>>" in (self.root / file).read_text(encoding="utf-8")

    def _is_whole(self, test: str) -> bool:
        """Whether a test file runs the whole program, by its folder or by the fixtures that its tests ask for."""
        if test.split("/")[1] in WHOLE or test.count("/") == 1:
            return True
        asked = {
            argument.arg
            for node in ast.walk(self.files[test])
            if isinstance(node, ast.FunctionDef)
            for argument in node.args.args
            if argument.annotation is not None and ast.unparse(argument.annotation) in ("Demo", "Corpus", "DemoServer")
        }
        return bool(asked)


def area(file: str) -> str:
    """Return the package or room that a file or a test belongs to.

    >>> area("tests/pipeline/sources/eol/test_eol.py"), area("dedup/bands.py")
    ('pipeline/sources', 'dedup')
    """
    parts = file.removeprefix("tests/").split("/")
    return "/".join(parts[: 2 if parts[0] == "pipeline" else 1])
