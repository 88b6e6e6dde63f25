"""Tokens of texts: made once for each string, in a table that all processes of a machine map.

The table has a row for each lineage and text type, filled when it is first asked for, by whichever process asks. A row
ends with a number that follows from its tokens: one that another process has half written is told by it, and made
again. Tokens are asked for in the training process, so that workers hold no tokeniser and no table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.feed.arrays import new_array
from pipeline.feed.choices import MIXES, TEXT_TYPES
from pipeline.feed.texts import Texts
from pipeline.model.errors import FeedError
from pipeline.storage.files.cache import Cache, cache_folder

Tokenizer = Callable[..., Any]
Numbers = npt.NDArray[np.int64]
_LAYOUT = 1
_ROWS, _TOKENS, _STRINGS = "rows", "tokens", "strings"  # a folder of the entry, as its files are written to later
_PROBES = 32
_LARGEST = np.iinfo(np.int32).max
_PRIME = 2_147_483_629
_AT_ONCE = 1024  # strings that a tokeniser is given


@dataclass(frozen=True, slots=True)
class Tokens:
    """Which texts stand beside the images, and what makes tokens of them."""

    tokenizer: Tokenizer
    """Anything that makes numbers of a list of texts, or of one text: open_clip's, Hugging Face's, one of your own."""
    text: tuple[str, ...] = ("taxon_com",)
    """Text types that are drawn from by the feed's seed."""
    mix: str = "batch"
    """'batch': one text type for each batch, as BioCLIP 2; 'sample': one for each sample."""
    template: str = ""
    """A sentence with `{}` in the place of the names; '' for the captions as the shards have them."""
    length: int = 0
    """Tokens of a row, where the tokeniser gives fewer for short texts; 0 where it gives as many for all."""
    pad: int = 0
    """What fills rows up to `length`."""
    name: str = ""
    """What the tokeniser is called. With a name its tokens are kept on this machine, and all ranks map one table of
    them; without it every rank has its own. Raise or change it when the tokeniser changes."""

    def check(self) -> None:
        """Raise FeedError for the first value that cannot be."""
        if not callable(self.tokenizer):
            raise FeedError(f"the tokenizer is {self.tokenizer!r}", expected="something to call with a list of texts")
        if isinstance(self.text, str) or not self.text or len(set(self.text)) != len(self.text):
            raise FeedError(f"text is {self.text!r}", expected="a tuple of text types, each once")
        for text in self.text:
            if text not in TEXT_TYPES:
                raise FeedError(f"there is no text type {text!r}", expected=f"one of {', '.join(TEXT_TYPES)}")
        if self.mix not in MIXES:
            raise FeedError(f"mix is {self.mix!r}", expected=f"one of {', '.join(MIXES)}")
        if self.template and self.template.count("{}") != 1:
            raise FeedError(f"the template is {self.template!r}", expected="a sentence with {} once")
        if self.length < 0:
            raise FeedError(f"length is {self.length}", expected="0 or more")

    def facts(self) -> dict[str, Any]:
        """Return what decides the texts, as JSON holds it."""
        return {"text": list(self.text), "mix": self.mix, "template": self.template}


class TokenTable:
    """Tokens of every string of a dataset's lineages, and a number for each string.

    `name`: under which the table is shared by the processes of this machine; '' for a table of this process alone.
    Raises FeedError for a tokeniser whose answer is no row of numbers for each text.
    """

    def __init__(self, texts: Texts, tokenizer: Tokenizer, length: int = 0, pad: int = 0, name: str = "") -> None:
        self._texts, self._length, self._pad = texts, length, pad
        self._size = texts.lineages * len(texts.kinds)
        spread = np.unique(np.linspace(0, self._size - 1, min(_PROBES, self._size)).astype(np.int64))
        probes = ["a", "a photo of Lynx lynx.", *(self._string(place) for place in spread.tolist())]
        self._rows_of = _way_to_ask(tokenizer, probes)
        first = self._made(probes, 0)
        self.length = first.shape[1]
        """Tokens of a row."""
        facts = [_LAYOUT, texts.digest, name, length, pad, probes, hashlib.sha256(first.tobytes()).hexdigest()]
        if name:
            entry = "tokens-" + hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
            cache = Cache(cache_folder() / "feed", _LAYOUT)
            self._cells, self._numbers = cache.get(entry, self._write, partial(_read, width=self.length + 1))
        else:
            self._cells = np.zeros((self._size, self.length + 1), np.int32)
            self._numbers = np.zeros(self._size, np.int64)

    def rows(self, kinds: Numbers, names: Numbers) -> npt.NDArray[np.int32]:
        """Return the tokens of lineages (rows of `Manifest.names`) in text types (numbers into `Texts.kinds`)."""
        places = self._places(kinds, names)
        different, turn = np.unique(places, return_inverse=True)
        found = self._cells[different]
        missing = np.flatnonzero(found[:, -1] != _sums(found[:, :-1]))
        for start in range(0, missing.size, _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            made = self._made([self._string(place) for place in different[part].tolist()], self.length)
            found[part] = np.concatenate([made, _sums(made)[:, None]], 1)
            self._cells[different[part]] = found[part]
        tokens: npt.NDArray[np.int32] = found[turn.reshape(-1), :-1]
        return tokens

    def strings(self, kinds: Numbers, names: Numbers) -> Numbers:
        """Return a number for each, equal where the strings are."""
        places = self._places(kinds, names)
        different, turn = np.unique(places, return_inverse=True)
        found = self._numbers[different]
        for at in np.flatnonzero(found == 0).tolist():
            digest = hashlib.blake2b(self._string(int(different[at])).encode(), digest_size=8).digest()
            found[at] = int.from_bytes(digest, "big", signed=True) or 1
        self._numbers[different] = found
        numbers: Numbers = found[turn.reshape(-1)]
        return numbers

    def _places(self, kinds: Numbers, names: Numbers) -> Numbers:
        return np.asarray(kinds, np.int64) * self._texts.lineages + np.asarray(names, np.int64)

    def _string(self, place: int) -> str:
        kind, name = divmod(place, self._texts.lineages)
        return self._texts.text(name, self._texts.kinds[kind])

    def _made(self, strings: Sequence[str], width: int) -> npt.NDArray[np.int32]:
        """Return the tokens of strings as an array of `width` columns; 0 for as many as the tokeniser gives."""
        rows = self._rows_of(strings)
        wanted = width or self._length or len(rows[0])
        found = np.full((len(rows), wanted), self._pad, np.int32)
        for place, (row, string) in enumerate(zip(rows, strings, strict=True)):
            if len(row) > wanted or (len(row) < wanted and not self._length):
                raise FeedError(
                    f"the tokenizer gives {len(row)} tokens where {wanted} are wanted",
                    f"text {string!r}",
                    f"at most {wanted}" if self._length else "as many tokens for every text",
                    "let the tokenizer cut long texts (truncation), and fill up short ones with Tokens(length=…)",
                )
            if row.size and (row.min() < 0 or row.max() > _LARGEST):
                raise FeedError(f"a token is {row.max()}", f"text {string!r}", "numbers from 0 below 2**31")
            found[place, : len(row)] = row
        return found

    def _write(self, folder: Path) -> Mapping[str, Any]:
        rows = folder / _ROWS
        rows.mkdir()
        # A new file reads as zeros, which no row's last number is.
        new_array(rows, _TOKENS, self._size * (self.length + 1), "<i4")
        new_array(rows, _STRINGS, self._size, "<i8")
        return {}


def _read(folder: Path, facts: Mapping[str, Any], width: int) -> tuple[npt.NDArray[np.int32], Numbers]:
    cells, numbers = (np.load(folder / _ROWS / f"{name}.npy", mmap_mode="r+") for name in (_TOKENS, _STRINGS))
    return np.asarray(cells).reshape(-1, width), np.asarray(numbers)


def _sums(tokens: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return a number above 0 for each row, by which a row that is whole is told from one that is not."""
    weights = np.arange(1, tokens.shape[1] + 1, dtype=np.int64) * 65_537 % 1_048_573 + 1
    sums: npt.NDArray[np.int32] = (1 + (tokens.astype(np.int64) @ weights) % _PRIME).astype(np.int32)
    return sums


def _way_to_ask(tokenizer: Tokenizer, probes: Sequence[str]) -> Callable[[Sequence[str]], list[Numbers]]:
    """Return how the tokeniser is asked: with a list of texts where it takes one, else text by text."""

    def at_once(texts: Sequence[str]) -> list[Numbers]:
        return _as_rows(tokenizer(list(texts)), len(texts))

    def one_by_one(texts: Sequence[str]) -> list[Numbers]:
        return [_as_rows([tokenizer(text)], 1)[0] for text in texts]

    reasons = []
    for way in (at_once, one_by_one):
        try:
            way(probes[:3])
        except Exception as error:  # noqa: BLE001  # whatever a tokeniser of others raises for what it does not take
            reasons.append(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason'}")
        else:
            return way
    raise FeedError(
        f"the tokenizer makes no tokens of texts ({reasons[0]}), nor of a text ({reasons[1]})",
        f"{tokenizer!r}",
        "a row of whole numbers for each text",
    )


def _as_rows(answer: Any, count: int) -> list[Numbers]:
    """Return a tokeniser's answer as so many rows of numbers; raise ValueError or TypeError for any other."""
    if hasattr(answer, "keys") and "input_ids" in answer:
        answer = answer["input_ids"]
    rows = [_as_row(row) for row in answer]
    if len(rows) != count:
        raise ValueError(f"{len(rows)} rows for {count} texts")
    return rows


def _as_row(row: Any) -> Numbers:
    if hasattr(row, "keys") and "input_ids" in row:
        row = row["input_ids"]
    found = np.asarray(row.ids if hasattr(row, "ids") else row)
    if found.ndim == 2 and found.shape[0] == 1:
        found = found[0]  # one text's row, as a batch of one
    if found.ndim != 1 or not (np.issubdtype(found.dtype, np.integer) or not found.size):
        raise TypeError(f"an array of {found.dtype} with {found.ndim} dimensions is no row of whole numbers")
    return found.astype(np.int64)
