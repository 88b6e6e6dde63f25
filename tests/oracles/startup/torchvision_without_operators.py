"""Import this before torchvision where its compiled operators do not fit the torch that is installed.

The wheel of torchvision on the package index is built for CUDA; beside a CPU build of torch its import fails for want
of two operators that no image transform uses. Declaring their signatures is enough for `torchvision.transforms`, and
with it for open_clip.
"""

from __future__ import annotations

import torch

_library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
