"""What a species looks like: one visible trait for each of the seven ranks.

Relatives look alike on purpose. The ground is set by the kingdom, the outline's roughness by the phylum, the hue by
the class, the body by the order, the tone by the family, the coat pattern by the genus and the mark by the species, so
that a model trained on the pictures can learn the tree, and a wrong label is visible to the eye.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manifests.recipe import RANKS

Rgb = tuple[int, int, int]

_GROUNDS: tuple[Rgb, ...] = ((150, 138, 112), (84, 124, 150), (122, 104, 132), (96, 132, 92))
_TONES = ((0.90, 0.92), (0.55, 0.78), (0.78, 0.60), (0.40, 0.95), (0.95, 0.70))
_PATTERNS = ("stripes", "rings", "dots", "checks", "bands", "plain")
_MARKS = ("disc", "ring", "bar", "cross")
_GOLDEN = 0.6180339887


@dataclass(frozen=True, slots=True)
class Body:
    """The outline of an order: a lobed ellipse with appendages."""

    lobes: int
    depth: float
    length: float
    limbs: int
    tail: bool
    limb_width: float = 0.12
    """Thickness of a limb, in radii of the body."""


@dataclass(frozen=True, slots=True)
class Look:
    """The traits of one species."""

    ground: Rgb
    roughness: int
    coat: Rgb
    accent: Rgb
    body: Body
    pattern: str
    frequency: int
    mark: str
    """A disc, ring, bar or cross; empty: it has none."""
    mark_place: int
    mark_colour: Rgb


def looks(lineages: Mapping[str, Sequence[str]]) -> dict[str, Look]:
    """Return the look of every species from its seven names, kingdom first.

    Traits are dealt out in the alphabetical order of the names at each rank, so that they never depend on the order in
    which the species are given.

    >>> pair = looks({"a": ("K", "P", "C", "O", "F", "G", "G a"), "b": ("K", "P", "C", "O", "F", "G", "G b")})
    >>> pair["a"].body == pair["b"].body, pair["a"].mark == pair["b"].mark
    (True, False)
    """
    places = [sorted({lineage[level] for lineage in lineages.values()}) for level in range(len(RANKS))]
    numbers = [{name: number for number, name in enumerate(names)} for names in places]
    return {
        species: _look(*(numbers[level][name] for level, name in enumerate(lineage)))
        for species, lineage in sorted(lineages.items())
    }


def _look(kingdom: int, phylum: int, class_: int, order: int, family: int, genus: int, species: int) -> Look:
    hue = (class_ * _GOLDEN) % 1.0
    saturation, value = _TONES[family % len(_TONES)]
    accent_hue = hue + 0.5 + 0.09 * (family // len(_TONES) % 4)
    return Look(
        ground=_GROUNDS[kingdom % len(_GROUNDS)],
        roughness=phylum % 4,
        coat=colour(hue, saturation, value),
        accent=colour(accent_hue, 0.8, 0.95 if value < 0.75 else 0.35),
        body=Body(
            lobes=(0, 3, 4, 5, 6, 8)[order % 6],
            depth=(0.22, 0.38)[order // 6 % 2],
            length=(1.0, 1.45, 1.9)[order % 3],
            limbs=(0, 6, 8, 4)[order // 3 % 4],
            tail=order % 2 == 1,
        ),
        pattern=_PATTERNS[genus % len(_PATTERNS)],
        frequency=2 + genus // len(_PATTERNS) % 4,
        mark=_MARKS[species % len(_MARKS)],
        mark_place=species // len(_MARKS) % 4,
        mark_colour=colour(species * _GOLDEN, 0.9, 1.0),
    )


def colour(hue: float, saturation: float, value: float) -> Rgb:
    """Return a colour from hue, saturation and value, each 0 to 1; hues beyond 1 begin anew.

    >>> colour(1.0, 1.0, 1.0)
    (255, 0, 0)
    """
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
