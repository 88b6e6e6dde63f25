"""Hold the fast path against the parser over all short words and drawn ones: `python -m tests.conformance.clean_names`.

The parser's patterns stop at words, and most of its markers are short: each word of three letters stands here as a
genus, and each of four as a genus, an epithet and an author. Words for ranks are tried with all prefixes for them.
Authors with accented letters are drawn, since to the parser such a letter ends a word. Some eight CPU minutes.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterable, Iterator
from itertools import chain, product
from multiprocessing import get_context
from string import ascii_lowercase

from taxonomy.names import rank_words
from taxonomy.names.clean_names import parse_clean
from taxonomy.names.parse import parse_fully

Pair = tuple[str, str]
"""A name, and the authorship beside it."""

PLACES = (
    "Bonaparte alba {cap}.", "Bonaparte alba ({cap}.) Mill.", "Bonaparte alba {cap}. ex Mill.",
    "Bonaparte alba Mill. ex {cap}", "Bonaparte alba Mill. & {cap}.", "Bonaparte alba {cap} & Mill.",
    "Bonaparte alba ({cap} & Hook.) Mill.", "Bonaparte alba (Hook. & {cap}) Mill.", "Bonaparte alba {cap}, 1900",
    "Bonaparte alba ({cap} & Hook, 1900)", "Bonaparte alba A.{cap}", "Bonaparte {low} {cap}, 1900", "{cap} {low} Hook",
    "{cap} alba Hook",
)  # fmt: skip
SHAPES = (
    "{a}", "{a}{y}", "({a}{y})", "({a}) {b}", "{a} ex {b}", "{a} & {b}{y}", "({a} & {b}) {c}", "({a}) {b} & {c}",
    "({a} & {b}) {c} & {d}", "({a} & {b}{y})", "",
)  # fmt: skip
EPITHETS = ("Bonaparte {low}", "Bonaparte {low} L.", "Bonaparte {low} Hook ex Mill.", "Bonaparte {low} (Hook) Mill.")
AUTHORS = ("L.", "DC.", "Mill.", "Hook")
ACCENTED = ascii_lowercase + "åäöüéèøñ"


def disagreements(names: Iterable[Pair]) -> tuple[int, list[str]]:
    """Return how many names the fast path takes, and those for which the whole way gives something else."""
    taken, wrong = 0, []
    for name, author in names:
        quick = parse_clean(name, author)
        if quick is not None:
            taken += 1
            if quick != parse_fully(name, author):
                wrong.append(f"{name} | {author}")
    return taken, wrong


def short_words(first: str) -> Iterator[Pair]:
    """Yield every word of three and four letters that begins so, in the places of a name (the rarer ones in turn)."""
    for number, rest in enumerate(product(ascii_lowercase, repeat=3)):
        low = first + "".join(rest)
        cap = low.capitalize()
        for form in (*EPITHETS[:3], "{cap} alba", "Bonaparte alba {cap}", PLACES[number % len(PLACES)]):
            yield form.format(low=low, cap=cap), ""
    for rest in product(ascii_lowercase, repeat=2):
        yield f"{first.capitalize()}{''.join(rest)} alba", ""


def ranks() -> Iterator[Pair]:
    """Yield every word for a rank, with and without each prefix, in the places of a name."""
    stems = {word for words in rank_words._STEMS.values() for word in words.split()} | rank_words._NAMES
    prefixes = ["", *(word for words in rank_words._PREFIXES.values() for word in words.split())]
    for low in sorted({prefix + stem for stem in stems for prefix in prefixes}):
        if re.fullmatch("[a-z]{3,20}", low):
            for form in (*EPITHETS, "{cap} alba", "Bonaparte alba {cap}", *PLACES):
                yield form.format(low=low, cap=low.capitalize()), ""


def drawn_names(seed: str, count: int) -> Iterator[Pair]:
    """Draw binomials whose authors hold accented letters, the authorship behind the name or beside it."""
    draw = random.Random(seed)

    def word(letters: str, least: int, most: int) -> str:
        return "".join(draw.choices(letters, k=draw.randint(least, most)))

    def author() -> str:
        if draw.random() < 0.3:
            return draw.choice(AUTHORS)
        return draw.choice(["", "A.", "J.B."]) + word(ACCENTED, 3, 10).capitalize() + draw.choice(["", "."])

    for _ in range(count):
        a, b, c, d = (author() for _ in range(4))
        authors = draw.choice(SHAPES).format(a=a, b=b, c=c, d=d, y=f", {draw.randint(1700, 2030)}")
        name = f"{word(ascii_lowercase, 3, 11).capitalize()} {word(ascii_lowercase, 4, 12)}"
        yield (name, authors) if draw.random() < 0.5 else (f"{name} {authors}".strip(), "")


def _check(first: str) -> tuple[int, list[str]]:
    return disagreements(chain(short_words(first), drawn_names(first, 40_000)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    with get_context("spawn").Pool(parser.parse_args().workers) as pool:
        parts = [disagreements(ranks()), *pool.map(_check, ascii_lowercase, chunksize=1)]
    wrong = [name for _, names in parts for name in names]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{sum(taken for taken, _ in parts):,} names taken by the fast path, {len(wrong)} disagreements")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
