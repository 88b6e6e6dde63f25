"""Markdown pages as their readers see them: links, anchors, tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def tokens(text: str) -> list[Token]:
    """Return the tokens of a page, those of its lines among them, in order."""
    flat: list[Token] = []
    for token in _MARKDOWN.parse(text):
        flat += [token, *(token.children or ())]
    return flat


def links(text: str) -> Iterator[str]:
    """Return where the links and pictures of a page lead.

    >>> list(links("[a](b.md#c) and ![d](e.svg), but `[not](this)`"))
    ['b.md#c', 'e.svg']
    """
    for token in tokens(text):
        target = token.attrGet("href") if token.type == "link_open" else token.attrGet("src")
        if target is not None:
            yield str(target)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, by the rule of code hosts and of the site alike.

    >>> sorted(anchors("# What a run *leaves*\\n\\n## `sql --json`, and more\\n\\n## What a run leaves"))
    ['sql---json-and-more', 'what-a-run-leaves', 'what-a-run-leaves-1']
    """
    found, seen = set(), Counter[str]()
    all_tokens = _MARKDOWN.parse(text)
    for token, inline in pairwise(all_tokens):
        if token.type == "heading_open":
            words = "".join(each.content for each in inline.children or ())
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def section(text: str, title: str) -> str:
    """Return the part of a page below a heading of the second level, up to the next; raises ValueError without it."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    found = [part for part in parts if part.splitlines()[0].strip() == title]
    if not found:
        raise ValueError(f"there is no section {title!r}")
    return found[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text, headers and rules left out.

    >>> rows("| a | b |\\n|---|---|\\n| `c` | d |")
    [['`c`', 'd']]
    """
    tables = re.findall(r"^\|.*\n\|[-:| ]+\|\n((?:\|.*(?:\n|\Z))*)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for table in tables for line in table.splitlines()]
