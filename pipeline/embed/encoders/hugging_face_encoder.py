"""Vision models of transformers, from a folder or by the hub's name, with their own image processor and tokeniser."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pipeline.embed.encoders.encoder import probed
from pipeline.model.errors import MissingExtraError, UsageError


class HuggingFaceEncoder:
    """A model that transformers loads; CLIP and its kin have texts as well.

    The vector of a picture is what `get_image_features` gives, else the pooled output, else, where the checkpoint has
    no weights for pooling, the first token. Code that a repository brings is never run. Raises MissingExtraError
    without transformers, UsageError for what is no vision model, or whose weights or processor cannot be had whole.
    """

    def __init__(self, name: str, device: str) -> None:
        transformers = _transformers()
        self._name = name
        self.module, self.unmade = _loaded(transformers, name)
        self.module.eval()
        self._towers = hasattr(self.module, "get_image_features")
        if not self._towers and self.module.main_input_name != "pixel_values":
            raise UsageError(
                f"{type(self.module).__name__} reads no pictures", name, "a vision model, or one of images and texts"
            )
        self._processor = _had(transformers.AutoImageProcessor, name, "image processor")
        self._pooled = self._towers or not self.unmade
        shape = self.prepare(Image.new("RGB", (320, 240))).shape
        self.width = probed(self.encode_images, shape, name)
        self._tokeniser = None
        if self._towers and hasattr(self.module, "get_text_features"):
            self._tokeniser = _had(transformers.AutoTokenizer, name, "tokeniser")
        self.module.to(device)
        self.has_texts = self._tokeniser is not None and self._width_of_texts() == self.width
        self.preprocessing = self._told()

    def prepare(self, image: Image.Image) -> torch.Tensor:
        """Return a picture as the model's processor shows it."""
        found = self._processor(images=[image], return_tensors="pt")["pixel_values"]
        if found.ndim != 4 or found.shape[:2] != (1, 3):
            raise UsageError(
                f"the processor of {self._name} gives pixels of the shape {tuple(found.shape)}",
                expected="(1, 3, height, width) of one picture",
                remedy="choose another model, or make the vectors yourself and bring them with --from",
            )
        return found[0].float()

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of prepared pictures."""
        if self._towers:
            return _plain(self.module.get_image_features(pixel_values=pixels))
        out = self.module(pixel_values=pixels)
        pooled = getattr(out, "pooler_output", None) if self._pooled else None
        if pooled is not None:
            return pooled.flatten(1)
        hidden = out.last_hidden_state
        return hidden[:, 0] if hidden.ndim == 3 else hidden.mean((2, 3))

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return features (n, width) of texts, cut or filled up to the length that the model was made for."""
        if self._tokeniser is None:
            raise UsageError(f"{self._name} reads no texts", expected="a model with a text tower")
        device = next(self.module.parameters()).device
        text = getattr(self.module.config, "text_config", self.module.config)
        tokens = self._tokeniser(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=int(getattr(text, "max_position_embeddings", 77)),
            return_tensors="pt",
        )
        return _plain(self.module.get_text_features(**{name: each.to(device) for name, each in tokens.items()}))

    def _width_of_texts(self) -> int:
        with torch.inference_mode():
            found = self.encode_texts(["a"])
        return int(found.shape[1]) if found.ndim == 2 else 0

    def _told(self) -> str:
        """Return what makes the vectors beside the weights; the class tells which library resamples the pictures."""
        pixels = {name: value for name, value in self._processor.to_dict().items() if name != "image_processor_type"}
        feature = "image features" if self._towers else "pooled output" if self._pooled else "first token"
        tokens = ""
        if self._tokeniser is not None:
            words = json.dumps(sorted(self._tokeniser.get_vocab().items()))
            tokens = f"{type(self._tokeniser).__name__} {hashlib.sha256(words.encode()).hexdigest()[:16]}"
        told = {"by": type(self._processor).__name__, **pixels, "feature": feature, "tokens": tokens}
        return json.dumps(told, sort_keys=True, default=str)


def _plain(found: Any) -> torch.Tensor:
    """Return the features of a tower, which some versions of transformers give in an output of several."""
    return found if isinstance(found, torch.Tensor) else found.pooler_output


def _transformers() -> Any:
    try:
        import transformers
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            f"models of Hugging Face need the package transformers, which cannot be imported ({error}): "
            "pip install 'biomill[hugging-face]'"
        ) from error
    return transformers


def _had(kind: Any, name: str, what: str, **options: Any) -> Any:
    """Return what transformers loads of a folder or a name; nothing is fetched for a folder."""
    local = Path(name).is_dir()
    try:
        return kind.from_pretrained(name, trust_remote_code=False, local_files_only=local, **options)
    except Exception as error:
        raise UsageError(
            f"transformers cannot load the {what}: {' '.join(str(error).split())[:240]}",
            name,
            "a folder that save_pretrained wrote, with the processor and tokeniser, or a name on the hub",
            "" if local else "let it reach the network, or name a folder: hf:FOLDER",
        ) from error


def _loaded(transformers: Any, name: str) -> tuple[Any, frozenset[str]]:
    """Return the model in float32, and the names of its weights that the checkpoint lacks: of pooling alone."""
    model, told = _had(
        transformers.AutoModel, name, "model", output_loading_info=True, dtype=torch.float32
    )  # fmt: skip
    missing = frozenset(told["missing_keys"])
    strange = sorted(each for each in missing if "pooler." not in each) + sorted(map(str, told["mismatched_keys"]))
    if strange:
        raise UsageError(
            f"the checkpoint has not all weights of {type(model).__name__}",
            f"{name}, {len(strange)} such as {strange[0]}",
            "weights for the whole model: chance would make those that lack",
            "name a checkpoint of the same architecture",
        )
    return model, missing
