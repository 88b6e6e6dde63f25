"""Tokenisers of other libraries go into the loader as they are; skipped where those are not installed."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.feed import Feed, Rules, Tokens, View
from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.texts import Texts
from pipeline.feed.torch import loader


def strings_and_tokens(drawn: Path, tokens: Tokens) -> tuple[list[str], Any]:
    source = loader(Feed(drawn, Rules(32), View(size=16)), tokens=tokens)
    item = next(iter(source))
    texts = Texts(source.feed.manifest, tokens.text)
    kinds = [tokens.text[kind] for kind in item["text_type"].tolist()]
    return [texts.text(name, kind) for name, kind in zip(item["name"].tolist(), kinds, strict=True)], item["tokens"]


def test_open_clips_tokeniser(drawn: Path) -> None:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        pytest.skip("open_clip needs torchvision, which is not installed")
    except RuntimeError:  # built for another torch
        for name in [each for each in sys.modules if each.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("tests.oracles.startup.torchvision_without_operators")
    tokenizer = pytest.importorskip("open_clip").get_tokenizer("ViT-B-32")
    strings, found = strings_and_tokens(drawn, Tokens(tokenizer, TEXT_TYPES, "sample", name="open_clip, tested"))
    assert found.tolist() == tokenizer(strings).tolist()
    assert found.shape == (32, 77)


def test_a_tokeniser_of_hugging_face(drawn: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: number for number, word in enumerate(["<pad>", "<unk>", "a", "photo", "of", "Genus0", "species1"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    whole = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")
    cut = partial(whole, padding="max_length", truncation=True, max_length=9)
    strings, found = strings_and_tokens(drawn, Tokens(cut, TEXT_TYPES, "sample"))
    assert found.tolist() == cut(strings)["input_ids"]
    strings, found = strings_and_tokens(drawn, Tokens(whole, ("sci",), length=30, pad=0))
    assert [[n for n in row if n] for row in found.tolist()] == [whole(each)["input_ids"] for each in strings]
    strings, found = strings_and_tokens(drawn, Tokens(made.encode_batch, ("sci",), length=30))
    assert [[n for n in row if n] for row in found.tolist()] == [whole(each)["input_ids"] for each in strings]
