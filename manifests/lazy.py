"""Names of a package that are imported when they are first used, so that its import costs next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package (PEP 562) that takes its names from modules.

    `homes`: modules, and the names that are taken from each. A name that was asked for is kept in the package, so that
    it is looked for once; the first raises AttributeError for any other name.

    >>> look_up, listed = lazy_names("manifests", {"manifests.nearness": ["closest"]})
    >>> look_up("closest")("sahrds", ["shards", "seed"]), "closest" in listed()
    ('shards', True)
    """
    module_of = {name: module for module, names in homes.items() for name in names}

    def attribute(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(module_of[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*module_of, *vars(sys.modules[package])})

    return attribute, names
