"""Backbones of timm without their classifier, with the size, crop, interpolation, mean and deviation of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pipeline.embed.encoders.encoder import probed
from pipeline.model.errors import MissingExtraError, UsageError


class TimmEncoder:
    """A backbone that timm builds by name; its pooled features before the classifier are the vectors.

    `weights`: a file of them; without one timm fetches those that it has for the name. Raises MissingExtraError without
    timm, UsageError for a name that it does not know, weights that cannot be had, and weights of another architecture.
    """

    has_texts = False

    def __init__(self, name: str, weights: str, device: str) -> None:
        timm = _timm()
        self.module = _built(timm, name, fetched=not weights)
        if weights:
            _load(timm, self.module, name, weights)
        self.module.eval()
        config = timm.data.resolve_model_data_config(self.module)
        shape = tuple(config["input_size"])
        if shape[0] != 3:
            raise UsageError(f"timm's {name} reads {shape[0]} channels", expected="a model of RGB pictures")
        self._transform = timm.data.create_transform(**config, is_training=False)
        self.width = probed(self.module, shape, f"timm's {name}")
        self.module.to(device)
        told = {key: list(value) if isinstance(value, tuple) else value for key, value in sorted(config.items())}
        self.preprocessing = json.dumps({"by": "timm", **told})

    def prepare(self, image: Image.Image) -> torch.Tensor:
        """Return a picture as timm shows it to the model when it is evaluated."""
        return self._transform(image)

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of prepared pictures."""
        return self.module(pixels)

    def encode_texts(self, texts: Any) -> torch.Tensor:
        """Raise UsageError: a backbone reads no texts."""
        raise UsageError("a backbone of timm reads no texts", expected="a model with a text tower")


def _timm() -> Any:
    try:
        import timm
        import timm.data
        import timm.models
    except (ImportError, RuntimeError) as error:  # the second: a torchvision that does not fit torch
        raise MissingExtraError(
            f"models of timm need the package timm, which cannot be imported ({error}): pip install 'biomill[timm]'"
        ) from error
    return timm


def _built(timm: Any, name: str, fetched: bool) -> Any:
    try:
        return timm.create_model(name, pretrained=fetched, num_classes=0)
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        if "Unknown model" in said or "Unknown pretrained tag" in said or "Invalid pretrained tag" in said:
            near = timm.list_models(f"*{name.partition('.')[0][:6]}*")[:3]
            raise UsageError(
                f"timm has no model {name!r}",
                expected=f"one of its {len(timm.list_models()):,}" + (f", such as {', '.join(near)}" if near else ""),
                remedy="python -c 'import timm; print(timm.list_models())' lists them",
            ) from error
        if not fetched:
            raise UsageError(f"timm cannot build {name!r}: {said}", expected="a model of its list") from error
        raise UsageError(
            f"timm cannot get the weights of {name!r}: {said}",
            expected="weights that timm fetches, or has fetched before",
            remedy=f"let it reach the network, or name a file of weights: timm:{name}@FILE",
        ) from error


def _load(timm: Any, module: Any, name: str, weights: str) -> None:
    """Load a file of weights, of which no more than the classifier's may be of no use."""
    if not Path(weights).is_file():
        raise UsageError("there is no such file of weights", weights, "a checkpoint of timm, .safetensors, .pth or .pt")
    try:
        state = timm.models.load_state_dict(weights)
        if not isinstance(state, dict):
            raise TypeError(f"it holds a {type(state).__name__}")
        left, more = module.load_state_dict(state, strict=False)
    except Exception as error:
        raise _other(name, weights, " ".join(str(error).split())[:200]) from error
    heads = module.pretrained_cfg.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    strange = [each for each in more if not each.startswith(tuple(f"{head}." for head in heads))]
    if left or strange:
        said = [f"{len(left)} weights are missing, such as {left[0]}"] if left else []
        said += [f"{len(strange)} are of no use, such as {strange[0]}"] if strange else []
        raise _other(name, weights, "; ".join(said))


def _other(name: str, weights: str, said: str) -> UsageError:
    return UsageError(
        f"the weights do not fit timm's {name}: {said}",
        weights,
        "weights of the same architecture",
        "name the model that they were made with",
    )
