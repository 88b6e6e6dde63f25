"""How many images a second models take in training, from literature; none of these figures is measured here.

Published ones are of whole runs of training, in images a second of one GPU. Computed ones bound what a well tuned run
may ask for: 40 % of the bf16 peak of an H100 (989 TFLOP/s), a step of three forward passes, forward passes as open_clip
counts them (docs/model_profile.csv, image and text: ViT-B-16 41.1, ViT-L-14 175.3, ViT-H-14 381.7 GFLOP).
"""

from __future__ import annotations

from dataclasses import dataclass

_LAION = "Cherti and others 2023, 'Reproducible scaling laws' (trained_models_info.csv, JUWELS Booster)"
_NEMO = "NVIDIA NeMo user guide, CLIP performance (one node of 8)"
_PROFILE = "open_clip model_profile.csv; 40 % of peak"


@dataclass(frozen=True, slots=True)
class Demand:
    """What one GPU takes."""

    model: str
    gpu: str
    images_per_s: float
    """Of one GPU."""
    source: str
    published: bool
    """False: computed."""


DEMANDS = (
    Demand("CLIP ViT-B/32", "A100", 108_845 / 128, f"{_LAION}: 108,845/s on 128 GPUs", True),
    Demand("CLIP ViT-B/16", "A100", 136_371 / 344, f"{_LAION}: 136,371/s on 344 GPUs", True),
    Demand("CLIP ViT-L/14", "A100", 60_328 / 768, f"{_LAION}: 60,328/s on 768 GPUs", True),
    Demand("CLIP ViT-g/14", "A100", 559 / 8, f"{_NEMO}: 559/s", True),
    Demand("CLIP ViT-g/14", "H100", 935 / 8, f"{_NEMO}: 935/s", True),
    Demand("BioCLIP, ViT-B/16", "A100", 376, "Stevens and others 2024: 10.4 M images x 100 in 4 days on 8 GPUs", True),
    Demand("BioCLIP 2, ViT-L/14", "H100", 259, "Gu and others 2025: 214 M x 30, 11 % replay, in 10 days on 32", True),
    Demand("CLIP ViT-B/16", "H100", 3_200, _PROFILE, False),
    Demand("CLIP ViT-L/14", "H100", 752, _PROFILE, False),
    Demand("CLIP ViT-H/14", "H100", 345, _PROFILE, False),
)
