"""Names of a package that are imported when they are first used, so that its import costs next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package (PEP 562) that takes its names from modules.

    `homes`: modules, and the names that are taken from each. A name that was asked for is kept in the package, so that
    it is looked for once. Raises AttributeError for any other name.

    >>> lazy_names("manifests", {"manifests.nearness": ["closest"]})("closest")("sahrds", ["shards", "seed"])
    'shards'
    """
    module_of = {name: module for module, names in homes.items() for name in names}

    def attribute(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(module_of[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return attribute
