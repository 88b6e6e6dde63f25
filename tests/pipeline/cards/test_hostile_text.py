"""Whatever a record says, the cards show it as text: no link, markup, HTML or control character comes from it."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.cards.croissant import croissant
from pipeline.cards.facts import Facts
from pipeline.cards.markdown import LONGEST, code, plain, yaml_text
from pipeline.cards.sections.citations import citation
from pipeline.cards.write import card_text

FRAGMENTS = (
    *(
        "[x](javascript:alert(1))",
        "[a]: javascript:x",
        "[a][b]",
        "![i](http://e.org/i.png)",
        "<javascript:x>",
        "<a@b.c>",
    ),
    *(
        "<script>alert(1)</script>",
        "<!--",
        "-->",
        "<?x?>",
        "<![CDATA[",
        "<b",
        "</td></table>",
        "&lt;b&gt;",
        "&#91;",
        "&amp",
    ),
    *(
        "|",
        "\\|",
        "`",
        "``",
        "```\n",
        "~~~",
        "~~x~~",
        "*a*",
        "**a**",
        "_a_",
        "__a__",
        "a_b",
        "# ",
        "## ",
        " #",
        "- ",
        "+ ",
    ),
    *(
        "* ",
        "> ",
        "1. ",
        "1) ",
        "1.",
        "---",
        "===",
        "***",
        "___",
        "    ",
        "\t",
        "\n",
        "\r",
        "\n\n",
        "\n---\n",
        ": ",
        "\\",
        "\\\\",
    ),
    *(
        "https://e.org/x",
        "http://e.org",
        "www.e.org",
        "WWW.e.org",
        "ftp://e.org",
        "mailto:a@b.org",
        "a@b.org",
        "//e.org",
    ),
    *(
        "javascript:x",
        "data:text/html,x",
        "xmpp:a@b.c",
        "e.org",
        "https://doi.org/10.1234/x](y)",
        "https://eol.org.e.org/",
    ),
    *(
        "https://doi.org/10.1234/a<b>",
        "https://doi.org/10.1234/a\u202eb",
        "{{x}}",
        "{%x%}",
        "{:.c}",
        "$x$",
        "[^1]",
        ":tada:",
        "@you",
    ),
    *(
        "\x1b[2J",
        "\x9b1m",
        "\x00",
        "\x07",
        "\x85",
        "\u2028",
        "\u2029",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\ud800",
        "\U000e0041",
    ),
    *("×", "é", "e\u0301", "名", "😀", "'", '"', "!", "(", ")", "[", "]"),
)
HOSTILE = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join))
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
FACTS = Facts(
    name="name",
    description="described",
    taxonomy_build="build",
    images=3,
    rows=4,
    splits=[("train", 3)],
    ranks=[("genus", 1, 3)],
    sources=[("source", 4, 3)],
    licences=[("CC0-1.0", 3, True)],
    funnel=[("fetch", "kept", 3, 75.0, "meaning")],
    releases=[("source", "r1", 4, 3, "cited")],
    datasets=[("source", "key", "publisher", 3)],
    shards=[("s.tar", 3)],
    loading="",
    layout="default",
)
LINKING = MarkdownIt("gfm-like", {"linkify": True})
assert LINKING.linkify is not None
LINKING.linkify.set({"fuzzy_link": False})  # as GitHub: addresses become links, words with a full stop do not
PARSERS = [MarkdownIt("commonmark"), LINKING]


def hostile(text: str) -> Facts:
    return replace(
        FACTS,
        name=text,
        description=text,
        taxonomy_build=text,
        splits=[(text, 3)],
        sources=[(text, 4, 3)],
        licences=[(text, 3, True)],
        funnel=[(text, text, 3, 75.0, text)],
        releases=[(text, text, 4, 3, citation("", text, text)), ("s", text, 4, 3, citation("gbif-dwca", "s", text))],
        datasets=[(text, text, text, 3)],
        scope=[text],
        gaps=[text],
        class_splits=[text, "val"],
        classes=[(text, [2, 1])],
    )


def body(card: str) -> str:
    return card.split("\n---\n", 1)[1]


def flat(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in [token, *flat(token.children or [])]]


def kinds(card: str, parser: MarkdownIt) -> list[str]:
    """The structure of a card: its blocks and marks, in order, texts left out."""
    return [token.type for token in flat(parser.parse(body(card))) if token.type not in ("text", "text_special")]


def shown(text: str, parser: MarkdownIt) -> str:
    """What a reader sees of a paragraph."""
    return "".join(token.content for token in flat(parser.parse(text)) if token.type in ("text", "text_special"))


@settings(deadline=None, max_examples=100)
@given(HOSTILE)
@example("".join(FRAGMENTS))
@example("|".join(FRAGMENTS))
@example("\n".join(FRAGMENTS))
def test_a_card_has_the_structure_of_a_harmless_one(text: str) -> None:
    harmless = card_text(hostile("harmless"))
    card = card_text(hostile(text or "x"))
    assert [c for c in card if unicodedata.category(c) in UNSEEN and c != "\n"] == []
    for parser in PARSERS:
        # DOIs and the cited collections' own addresses alone become links, where a reader links bare addresses.
        links = [str(t.attrs["href"]) for t in flat(parser.parse(body(card))) if t.type == "link_open"]
        assert all(re.match(r"https://(?:doi\.org/10\.|eol\.org$)", link) for link in links)
        unlinked = [kind for kind in kinds(card, parser) if not kind.startswith("link_")]
        if plain(text):
            assert unlinked == kinds(harmless, parser)
        known = r'h\d|p|table|thead|tbody|tr|td|th|ul|li|code|pre|a|img src="sample\.jpg'
        assert not re.search(rf"<(?!/?(?:{known})\b)", parser.render(body(card)))


@settings(deadline=None, max_examples=400)
@given(HOSTILE)
def test_text_is_read_as_it_was_written(text: str) -> None:
    meant = json.loads(yaml_text(text))
    if not meant:
        return
    for parser in PARSERS:
        assert shown(plain(text), parser) == meant
        for block in ("- {}", "# {}", "> {}", "| a |\n|---|\n| {} |"):
            harmless, given_ = (parser.parse(block.format(value)) for value in ("x", plain(text)))
            assert [t.type for t in harmless] == [t.type for t in given_]
        assert [t.type for t in flat(parser.parse(code(text)))][2:-1] == ["code_inline"]


@settings(deadline=None)
@given(HOSTILE)
def test_the_front_matter_says_the_name_and_nothing_else(text: str) -> None:
    matter = yaml.safe_load(card_text(hostile(text)).split("\n---\n", 1)[0])
    assert set(matter) == {
        *("pretty_name", "license", "license_name", "license_link", "size_categories", "task_categories", "tags")
    }
    assert matter["pretty_name"] == json.loads(yaml_text(text))


def test_what_is_no_markup_is_left_alone() -> None:
    for text in (
        "Panthera leo (Linnaeus, 1758)",
        "Salix × fragilis L. (S. alba × S. euxina)",
        "near_duplicate",
        "d'Orbigny & Gervais, 1844; Müller-Wille",
        "CC-BY-NC-4.0",
        "LicenseRef-unknown 10.5 %",
        "GBIF.org, GBIF Occurrence Download. https://doi.org/10.15468/dl.ab12cd",
        "Encyclopedia of Life, https://eol.org. Release 7",
    ):
        assert plain(text) == text


def test_long_values_are_cut() -> None:
    assert len(plain("x" * 10_000)) == LONGEST


@settings(deadline=None)
@given(HOSTILE)
def test_croissant_may_stand_inside_a_page_and_says_the_same(text: str) -> None:
    facts = hostile(text)
    written = croissant(facts, {"shards/a.tar": ("00", 1)}, "1")
    assert not re.search(r"[<>&\u2028\u2029]", written)
    assert [c for c in written if unicodedata.category(c) in UNSEEN and c != "\n"] == []
    told: dict[str, Any] = json.loads(written.encode())
    assert (told["name"], told["description"]) == (text, text or "Images of organisms with their names.")


@pytest.mark.parametrize("text", ["", None, "\n \u2028"])
def test_nothing_is_shown_of_nothing(text: str | None) -> None:
    assert (plain(text), yaml_text(text)) == ("", '""')
