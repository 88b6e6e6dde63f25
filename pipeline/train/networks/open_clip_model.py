"""A model of open_clip, from its own zoo, with its own tokeniser; weights go both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from pipeline.model.errors import MissingExtraError, UsageError


class OpenClip(nn.Module):
    """A CLIP that open_clip builds by name, with random weights or those of a file.

    Raises MissingExtraError without open_clip, UsageError for a name that it does not know, and for weights of another
    architecture.
    """

    def __init__(self, name: str, weights: str = "") -> None:
        super().__init__()
        open_clip = _open_clip()
        known = open_clip.list_models()
        if name not in known:
            raise UsageError(
                f"open_clip has no model {name!r}",
                expected=f"one of its {len(known)}, such as ViT-B-16, ViT-L-14",
                remedy="python -c 'import open_clip; print(open_clip.list_models())' lists them",
            )
        self.name = name
        self.clip = open_clip.create_model(name)
        self._tokenise = open_clip.get_tokenizer(name)
        visual: Any = self.clip.visual
        sides = visual.image_size
        self.size = int(sides if isinstance(sides, int) else sides[0])
        self.mean: tuple[float, ...] = tuple(getattr(visual, "image_mean", None) or open_clip.OPENAI_DATASET_MEAN)
        self.deviation: tuple[float, ...] = tuple(getattr(visual, "image_std", None) or open_clip.OPENAI_DATASET_STD)
        if weights:
            self._load(open_clip, weights)
        with torch.no_grad():
            self.width = int(self.clip.encode_text(self.tokens(["a"])).shape[1])

    @property
    def logit_scale(self) -> nn.Parameter:
        """The logarithm of the scale."""
        return self.clip.logit_scale

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of normalised images."""
        return self.clip.encode_image(pixels)

    def visual_projection(self) -> dict[str, nn.Parameter]:
        """Return the weights of the tower's last map, by the names that they have in it.

        Raises UsageError for a model without one, such as SigLIP's, whose tower ends in a pooling of its trunk.
        """
        named = dict(self.clip.visual.named_parameters())
        # A vision transformer's; a ResNet's; behind a trunk of timm, its last layer rather than its pool.
        for begin in ("proj.", "attnpool.c_proj.", "head.proj.", "head.mlp.", "head."):
            found = {name: weight for name, weight in named.items() if f"{name}.".startswith(begin)}
            if found and not getattr(self.clip.visual, "output_tokens", False):
                return found
        raise UsageError(
            "the model has no visual projection of its own, which replay needs a second of",
            self.name,
            "a CLIP such as ViT-B-16 or ViT-L-14",
            "leave replay out, or take another model",
        )

    def encode_projected(self, pixels: torch.Tensor, projection: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what `encode_image` does, with another visual projection."""
        return functional_call(self.clip.visual, dict(projection), (pixels,))

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of tokens."""
        return self.clip.encode_text(tokens)

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the tokens of texts, by the model's own tokeniser."""
        return self._tokenise(list(texts))

    def save_memory(self) -> None:
        """Compute activations again in the backward pass."""
        self.clip.set_grad_checkpointing(True)

    def state_dict(self, *args: Any, **options: Any) -> Any:
        """Return the weights by the names that open_clip gives them."""
        return self.clip.state_dict(*args, **options)

    def load_state_dict(self, state: Any, *args: Any, **options: Any) -> Any:
        """Load weights by the names that open_clip gives them."""
        return self.clip.load_state_dict(state, *args, **options)

    def _load(self, open_clip: Any, weights: str) -> None:
        if not Path(weights).is_file():
            raise UsageError("there is no such file of weights", weights, "a checkpoint of open_clip, or of train")
        try:
            open_clip.load_checkpoint(self.clip, weights)
        except (RuntimeError, KeyError, OSError, ValueError, AttributeError, AssertionError) as error:
            raise UsageError(
                f"the weights do not fit the model: {' '.join(str(error).split())[:200]}",
                weights,
                "weights of the same architecture",
                "name the model that they were made with",
            ) from error


def _open_clip() -> Any:
    try:
        import open_clip
    except (ImportError, RuntimeError) as error:  # the second: a torchvision that does not fit torch
        raise MissingExtraError(
            f"models of open_clip need the library, which cannot be imported: {error}",
            expected="the extra open-clip",
            remedy="pip install 'biomill[open-clip]'; or train the model tiny",
        ) from error
    return open_clip
