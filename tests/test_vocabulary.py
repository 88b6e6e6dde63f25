"""The field's words in names, docs and output: no private metaphor stands where a standard term exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTEAD = {
    r"fates?": "decisions, outcomes",
    r"settl(e|es|ed|ing)|unsettled": "decide, resolve",
    r"crowds?|crowded": "dense groups",
    r"tapes?": "stream order, batches",
    r"doors?": "rules of sharing",
    r"slips?": "edits, misspellings",
    r"quarrels?": "label conflicts",
    r"stars?": "representative edges",
    r"books?|load_cast|plants_\w+": "the draft of the test corpus, its species, what is planted in it",
    r"mills?": "the pipeline",
}
"""Words that are not used, as patterns, and what is said instead."""
_WORD = re.compile(rf"(?<![A-Za-z])({'|'.join(INSTEAD)})(?![A-Za-z])", re.IGNORECASE)
_ALLOWED = re.compile(
    r"""Mill\.|\bMill\b|mill@example|Biomill\ mills|"Mills\ public|  # the author Philip Miller, an address, the brand
        iscrowd|                                                      # a key of COCO
        facebook|cookbook""",
    re.VERBOSE,
)
FOLDERS = ("biomill", "pipeline", "taxonomy", "dedup", "manifests", "docs", "examples", "tests")
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")


def texts(root: Path) -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*"))]
    kinds = {".py", ".md", ".sql", ".jinja", ".toml", ".svg"}
    kept = [path for path in found if path.suffix in kinds and path != Path(__file__)]
    return [*(root / name for name in FILES if (root / name).exists()), *kept]


def old_words(text: str) -> list[str]:
    """Return the words of a text that have a better one, with their lines."""
    return [
        f"line {number}: {word[0]!r}"
        for number, line in enumerate(text.splitlines(), 1)
        for word in _WORD.finditer(_ALLOWED.sub("", line).replace("_", " "))
    ]


def test_no_old_word_stands_in_names_docs_or_output() -> None:
    assert len(texts(ROOT)) > 500
    found = {
        str(path.relative_to(ROOT)): words
        for path in texts(ROOT)
        if (words := old_words(f"{path.stem}\n{path.read_text(encoding='utf-8')}"))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def first_fates(records):", ["line 1: 'fates'"]),
        ("class Fate:\n    crowded: bool", ["line 1: 'Fate'", "line 2: 'crowded'"]),
        ("self._settle(found)", ["line 1: '_settle'".replace("_", "")]),
        ('"iscrowd": 0, "(L.) Mill.", start, restart, books = 1', ["line 1: 'books'"]),
        ("starts with a starfish, setting, castle, millimetre", []),
    ],
)
def test_an_old_word_is_seen_in_names_and_in_prose(text: str, words: list[str]) -> None:
    assert old_words(text) == words


def test_docstrings_begin_as_the_field_writes_them() -> None:
    begun = [
        f"{path.relative_to(ROOT)}:{node.lineno} {said.split()[0]}"
        for path in texts(ROOT)
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (said := ast.get_docstring(node) or "")
        and said.split()[0].rstrip(",") in {"Give", "Say", "Tell", "Returns", "Gives", "Gets", "Get"}
    ]
    assert begun == []
