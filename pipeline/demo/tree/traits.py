"""What the species of a tree look like: one visible trait for each rank, and what sex and life stage change of it.

The ground is set by the kingdom, limbs and tail by the phylum, the hue by the class, the outline by the order, the tone
by the family, the coat pattern by the genus and the mark by the species. Traits of a rank are dealt in turn over all of
its taxa, so that children of one parent never share one, and no two species look alike: at the first rank where their
lineages part they differ.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pipeline.demo.look import Body, Look, Rgb, colour
from pipeline.demo.tree.life_tree import Tree

T = TypeVar("T")

FEMALE, MALE = "female", "male"
ADULT, JUVENILE = "adult", "juvenile"
JUVENILE_SCALE = 0.8

_GROUNDS: tuple[Rgb, ...] = ((150, 138, 112), (84, 124, 150), (122, 104, 132), (96, 132, 92))
_LIMBS = ((0, False), (8, False), (0, True), (6, True), (4, False), (4, True))
_HUES = tuple(eighth / 8 for eighth in range(8))
_LOBES, _LENGTHS = (0, 3, 4, 5, 6, 8), (1.0, 1.55)
_TONES, _ACCENTS = ((0.90, 0.95), (0.45, 0.85), (0.85, 0.55), (0.35, 0.50)), (0.5, 0.33, 0.67)
_PATTERNS, _SCALES = (("stripes", 1), ("checks", 2), ("rings", 1), ("dots", 2), ("bands", 1)), (0, 1)
_MARKS, _PLACES, _MARK_HUES = ("disc", "ring", "bar", "cross"), (0, 1, 2, 3), (0.0, 0.17, 0.5, 0.8)
_DRAB = 0.55


def tree_looks(tree: Tree, seed: int) -> list[Look]:
    """Return the look of every species of a tree, of an adult male; other seeds deal other traits.

    >>> from pipeline.demo.tree.life_tree import grow_tree
    >>> from pipeline.demo.tree.parameters import Parameters
    >>> found = tree_looks(grow_tree(1, Parameters()), 1)
    >>> found[0].body == found[1].body, found[0].mark == found[1].mark
    (True, False)
    """
    values = _Values(random.Random(f"{seed}|traits"))
    return [_look(values, *(taxon.number for taxon in tree.path(number))) for number in range(len(tree.species))]


def variant(look: Look, sex: str, stage: str) -> tuple[Look, float]:
    """Return how an individual of a sex and life stage looks, and its scale; '' is an adult male's look.

    Females are drab: the second colour of the coat is near to the first. Juveniles are small and stout, and have no
    mark yet.
    """
    if sex == FEMALE:
        look = replace(look, accent=_mixed(look.accent, look.coat, _DRAB))
    if stage != JUVENILE:
        return look, 1.0
    stout = replace(look.body, length=1 + (look.body.length - 1) * 0.35)
    return replace(look, body=stout, mark=""), JUVENILE_SCALE


class _Values:
    """The values of each trait in an order of their own."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.grounds, self.limbs, self.hues = self.shuffled(_GROUNDS), self.shuffled(_LIMBS), self.shuffled(_HUES)
        self.lobes, self.lengths = self.shuffled(_LOBES), self.shuffled(_LENGTHS)
        self.tones, self.accents = self.shuffled(_TONES), self.shuffled(_ACCENTS)
        self.patterns, self.scales = self.shuffled(_PATTERNS), self.shuffled(_SCALES)
        self.marks, self.places, self.mark_hues = (
            self.shuffled(_MARKS),
            self.shuffled(_PLACES),
            self.shuffled(_MARK_HUES),
        )

    def shuffled(self, values: Sequence[T]) -> Sequence[T]:
        return self.chance.sample(values, len(values))


def _look(
    values: _Values, kingdom: int, phylum: int, class_: int, order: int, family: int, genus: int, species: int
) -> Look:
    # A rank of two traits counts through the first of them, then the second.
    hue = _turn(values.hues, class_)
    limbs, tail = _turn(values.limbs, phylum)
    saturation, value = _turn(values.tones, family)
    pattern, frequency = _turn(values.patterns, genus)
    return Look(
        ground=_turn(values.grounds, kingdom),
        roughness=phylum % 4,
        coat=colour(hue, saturation, value),
        accent=colour(hue + _turn(values.accents, family // len(_TONES)), 0.8, 0.95 if value < 0.75 else 0.35),
        body=Body(
            lobes=_turn(values.lobes, order),
            depth=0.38,
            length=_turn(values.lengths, order // len(_LOBES)),
            limbs=limbs,
            tail=tail,
            limb_width=0.2,
        ),
        pattern=pattern,
        frequency=frequency + _turn(values.scales, genus // len(_PATTERNS)),
        mark=_turn(values.marks, species),
        mark_place=_turn(values.places, species // len(_MARKS)),
        mark_colour=colour(_turn(values.mark_hues, species + species // len(_MARKS)), 0.9, 1.0),
    )


def _turn(values: Sequence[T], number: int) -> T:
    return values[number % len(values)]


def _mixed(one: Rgb, two: Rgb, part: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, two, strict=True))
    return red, green, blue
