"""Python runs this at its start where this folder is on PYTHONPATH: it mends torchvision when it is first imported.

So a published trainer runs from its own command line, unchanged, where torchvision's compiled operators do not fit.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Operators(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torchvision_without_operators  # noqa: F401
        return None


sys.meta_path.insert(0, _Operators())
