"""Python runs this at its start where this folder is on PYTHONPATH: what published trainers need on a machine of tests.

So a trainer runs from its own command line, unchanged, where torchvision's compiled operators do not fit the torch that
is installed (MEND_TORCHVISION is set then), and where several processes have no GPU: open_clip 3.3 names a device to
DistributedDataParallel, which refuses one for a model in main memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Mending(MetaPathFinder):
    """Mends when a module is first looked for, and leaves finding it to the others."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "torchvision" and os.environ.get("MEND_TORCHVISION"):
            import torchvision_without_operators  # noqa: F401
        elif name == "open_clip_train":
            _processes_without_gpu()
        return None


def _processes_without_gpu() -> None:
    import torch

    class OnAnyDevice(torch.nn.parallel.DistributedDataParallel):  # type: ignore[misc]  # torch has no types here
        def __init__(self, module: Any, device_ids: Any = None, **more: Any) -> None:
            on_gpu = next(module.parameters()).is_cuda
            super().__init__(module, device_ids=device_ids if on_gpu else None, **more)

    torch.nn.parallel.DistributedDataParallel = OnAnyDevice


sys.meta_path.insert(0, _Mending())
