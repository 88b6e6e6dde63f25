"""Measure the name parser with and without its fast path: `python tests/performance/bench_parse.py --help`.

Peers in the same run: GBIF's parser called alone (its objects thrown away, and made into plain data), which is the
floor of whatever goes through it. Prints names per CPU second, medians of interleaved rounds. Names are drawn: clean
ones, and a share with authors, markers and dirt as records have them; or those of a file with one name per line.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nameparser

sys.path.insert(0, str(Path(__file__).parents[2]))

from taxonomy.names.parse import parse_fully, parse_name

_SYLLABLES = ["ba", "co", "di", "fe", "lu", "ma", "no", "pi", "ra", "se", "ti", "vo", "an", "or", "el", "us"]
_DIRT = (
    "{} sp.",
    "{} cf. {}",
    "{} {} var. alba Mill.",
    "{} ({}) Smith",
    "{} × {}",
    "{}_{}",
    "BOLD:AAA{:04d}",
    "unknown {}",
)


def drawn(count: int, authored: float, dirty: float, seed: int) -> list[str]:
    """Return distinct names: clean binomials, a share with an authorship, and a share of other strings."""
    draw = random.Random(seed)
    names: dict[str, None] = {}
    while len(names) < count:
        genus = "".join(draw.choices(_SYLLABLES, k=4)).capitalize()
        epithet = "".join(draw.choices(_SYLLABLES, k=4))
        kind = draw.random()
        if kind < dirty:
            form = draw.choice(_DIRT)
            names[form.format(draw.randrange(10_000)) if ":" in form else form.format(genus, epithet)] = None
        elif kind < dirty + authored:
            names[
                f"{genus} {epithet} ({draw.choice(('Linnaeus', 'Fabricius', 'Gmelin'))}, 17{draw.randrange(60, 99)})"
            ] = None
        else:
            names[f"{genus} {epithet}"] = None
    return list(names)


def plain_peer(names: Sequence[str]) -> None:
    for name in names:
        try:
            nameparser.parse(name)
        except nameparser.UnparsableNameError:
            continue


def dict_peer(names: Sequence[str]) -> None:
    for name in names:
        try:
            nameparser.parse(name).to_dict()
        except nameparser.UnparsableNameError:
            continue


def without(names: Sequence[str]) -> None:
    for name in names:
        parse_fully(name)


def with_fast_path(names: Sequence[str]) -> None:
    parse_name.cache_clear()
    for name in names:
        parse_name(name)


WAYS: tuple[tuple[str, Callable[[Sequence[str]], None]], ...] = (
    ("GBIF's parser alone", plain_peer),
    ("GBIF's parser, objects made plain", dict_peer),
    ("this parser, without the fast path", without),
    ("this parser, with the fast path", with_fast_path),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--authored", type=float, default=0.3, help="share of names with an authorship")
    parser.add_argument("--dirty", type=float, default=0.1, help="share of strings that are no clean names")
    parser.add_argument("--file", type=Path, help="names to parse instead, one per line")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.file:
        lines = args.file.read_text(encoding="utf-8", errors="replace").splitlines()
        names = list(dict.fromkeys(lines))[: args.names]
    else:
        names = drawn(args.names, args.authored, args.dirty, args.seed)
    without(names[:100])  # the parser builds its patterns at its first names
    took: dict[str, list[float]] = {name: [] for name, _ in WAYS}
    for _ in range(args.rounds):
        for name, way in WAYS:
            start = time.process_time()
            way(names)
            took[name].append(time.process_time() - start)
    speed = {name: len(names) / statistics.median(times) for name, times in took.items()}
    floor = speed[WAYS[1][0]]
    print(f"{len(names):,} distinct names, median of {args.rounds} rounds")
    for name, _ in WAYS:
        print(f"{name:36s} {speed[name]:>10,.0f} names per CPU s   {speed[name] / floor:6.2f} x the parser made plain")


if __name__ == "__main__":
    main()
