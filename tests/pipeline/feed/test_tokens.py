"""Tokens are what the tokeniser makes of the captions, made once for each string, and shared by processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.feed import Feed, Rules, Tokens, View
from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.texts import Texts
from pipeline.feed.tokens import TokenTable
from pipeline.model.errors import FeedError

LENGTH = 60


def texts(dataset: Path, **options: Any) -> Texts:
    return Texts(Feed(dataset, Rules(8), View(size=16)).manifest, TEXT_TYPES, **options)


def of_one(text: str) -> list[int]:
    return [ord(letter) for letter in text]


class Counting:
    """A tokeniser of lists that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, lines: Sequence[str]) -> Any:
        self.asked += lines
        return np.stack([np.array(of_one(line[7:].ljust(LENGTH)[:LENGTH])) for line in lines])


def everything(source: Texts) -> tuple[Any, Any]:
    kinds, names = np.divmod(np.arange(source.lineages * len(TEXT_TYPES)), source.lineages)
    return kinds, names


def expected(source: Texts) -> list[str]:
    return [source.text(int(name), TEXT_TYPES[kind]) for kind, name in zip(*everything(source), strict=True)]


class Encoded(dict[str, Any]):
    """What Hugging Face's tokenisers answer with."""


@pytest.mark.parametrize(
    "tokenizer",
    [
        of_one,
        lambda lines: [of_one(line + "") for line in lines] if isinstance(lines, list) else 1 / 0,
        lambda lines: Encoded(input_ids=[of_one(line) for line in lines], attention_mask=[]),
        lambda line: Encoded(input_ids=of_one(line)),
        lambda line: np.array([of_one(line)]),
    ],
    ids=["one text", "a list", "Hugging Face's", "Hugging Face's, one text", "one text as a batch"],
)
def test_tokens_are_those_of_the_captions(dataset: Path, tokenizer: Any) -> None:
    source = texts(dataset)
    table = TokenTable(source, tokenizer, length=200, pad=7)
    found = table.rows(*everything(source))
    for row, string in zip(found.tolist(), expected(source), strict=True):
        assert row == [*of_one(string), *[7] * (200 - len(string))]


def test_a_string_is_made_once(dataset: Path) -> None:
    source, tokenizer = texts(dataset), Counting()
    table = TokenTable(source, tokenizer)
    before = len(tokenizer.asked)
    first = table.rows(*everything(source))
    assert len(tokenizer.asked) - before == len(first)
    assert (table.rows(*everything(source)) == first).all()
    assert len(tokenizer.asked) - before == len(first)


def test_a_named_table_is_found_again_and_one_of_another_tokenizer_is_not(dataset: Path) -> None:
    source, one, again = texts(dataset, template="named {} once"), Counting(), Counting()
    table = TokenTable(source, one, name="counting")
    table.rows(*everything(source))
    other = TokenTable(source, again, name="counting")
    before = len(again.asked)
    assert (other.rows(*everything(source)) == table.rows(*everything(source))).all()
    assert len(again.asked) == before
    shifted = TokenTable(source, lambda lines: Counting()(lines) + 1, name="counting")
    assert (shifted.rows(*everything(source)) == table.rows(*everything(source)) + 1).all()
    assert (table.rows(*everything(source)) == other.rows(*everything(source))).all()


def test_a_row_that_is_half_written_is_made_again(dataset: Path) -> None:
    source = texts(dataset, template="torn {} rows")
    table = TokenTable(source, Counting(), name="torn")
    whole = table.rows(*everything(source)).copy()
    random = np.random.default_rng(1)
    for row in table._cells:
        row[random.integers(0, row.size) :] = 0  # zeros, as the file had them before
    assert (TokenTable(source, Counting(), name="torn").rows(*everything(source)) == whole).all()


def test_equal_strings_have_equal_numbers_and_others_do_not(dataset: Path) -> None:
    source = texts(dataset)
    numbers = TokenTable(source, Counting()).strings(*everything(source)).tolist()
    strings = expected(source)
    assert len(set(strings)) < len(strings), "some captions are equal"
    assert len(set(zip(numbers, strings, strict=True))) == len(set(numbers)) == len(set(strings))


def test_processes_that_fill_a_table_at_once_agree(dataset: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from tests.pipeline.feed.test_tokens import Counting, everything, texts, TokenTable\n"
        "from pathlib import Path\n"
        "source = texts(Path(sys.argv[1]), template='at once {}.')\n"
        "table = TokenTable(source, Counting(), name='at once')\n"
        "sums = [int(table.rows(*everything(source)).sum()) for _ in range(20)]\n"
        "print(*set(sums))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(dataset)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    found = {process.communicate(timeout=120)[0].strip() for process in started}
    source = texts(dataset, template="at once {}.")
    assert found == {str(int(Counting()(expected(source)).sum()))}


@pytest.mark.parametrize(
    ("tokenizer", "options", "message"),
    [
        (of_one, {}, "as many tokens for every text"),
        (of_one, {"length": 5}, "at most 5"),
        (lambda text: [0.5], {"length": 5}, "makes no tokens"),
        (lambda text: "words", {"length": 5}, "makes no tokens"),
        (lambda text: None, {"length": 5}, "makes no tokens"),
        (lambda lines: [[1, 2]] * (len(lines) + 1) if isinstance(lines, list) else [[1], [2]], {}, "makes no tokens"),
        (lambda text: [-1] if isinstance(text, str) else None, {"length": 5}, "from 0 below"),
        (lambda text: [2**31] if isinstance(text, str) else None, {"length": 5}, "from 0 below"),
    ],
)
def test_answers_that_are_no_tokens_are_refused(
    dataset: Path, tokenizer: Any, options: dict[str, Any], message: str
) -> None:
    source = texts(dataset)
    with pytest.raises(FeedError, match=message):
        TokenTable(source, tokenizer, **options).rows(*everything(source))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": None}, "tokenizer is None"),
        ({"text": "sci"}, "text is 'sci'"),
        ({"text": ()}, "text is"),
        ({"text": ("sci", "sci")}, "each once"),
        ({"text": ("latin",)}, "no text type 'latin'"),
        ({"mix": "epoch"}, "mix is 'epoch'"),
        ({"template": "no place"}, "the template is"),
        ({"length": -1}, "length is -1"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FeedError, match=message):
        Tokens(**{"tokenizer": of_one, **options}).check()
