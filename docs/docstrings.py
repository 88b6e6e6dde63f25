"""How docstrings become the API page, beside what mkdocstrings does by itself (see mkdocs.yml).

Our docstrings are plain sentences with bare doctests below them. Markdown would read `>>>` as a quotation within a
quotation; between fences it is an example, with the answer beneath. And what `biomill` takes from a library is
described once, where the library is, so that every link to it leads to one place.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Alias, Extension, Module, Object

_FACES = ("biomill", "biomill.beam")
"""Packages that list names of the libraries beside their own."""
_LIBRARIES = ("dedup", "manifests", "taxonomy")
_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", re.MULTILINE)


def fenced(text: str) -> str:
    """Return a docstring with its doctests between fences: each from its first `>>>` to the next empty line."""

    def fence(found: re.Match[str]) -> str:
        indent = found["indent"]
        return f"{indent}```pycon\n{found[0]}\n{indent}```"

    return _EXAMPLE.sub(fence, text)


class Docstrings(Extension):
    """Fences the doctests of every object that is read, and leaves what is a library's to the library."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Put the examples of a class, a function or an attribute between fences."""
        if not obj.is_module:
            _fence(obj)

    def on_module_members(self, *, mod: Module, **_: Any) -> None:
        """Put the examples of a module between fences; its docstring is read after the module itself."""
        _fence(mod)
        if mod.path in _FACES:
            _leave_to_libraries(mod)


def _fence(obj: Object) -> None:
    if obj.docstring is not None:
        obj.docstring.value = fenced(obj.docstring.value)


def _leave_to_libraries(mod: Module) -> None:
    taken = {
        name: f"{member.target_path.split('.')[0]}.{name}"
        for name, member in mod.members.items()
        if isinstance(member, Alias) and member.target_path.split(".")[0] in _LIBRARIES and name in (mod.exports or ())
    }
    for name in taken:
        mod.del_member(name)
    if taken and mod.docstring is not None:
        listed = ", ".join(f"[`{name}`][{home}]" for name, home in sorted(taken.items()))
        mod.docstring.value += f"\n\nListed here too, and described with their libraries: {listed}."
