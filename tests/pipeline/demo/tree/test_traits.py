"""Traits follow the tree: relatives share those of their ranks, and no two species look alike."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from manifests.recipe import RANKS
from pipeline.demo.draw import draw_picture
from pipeline.demo.look import Look
from pipeline.demo.tree import Parameters
from pipeline.demo.tree.life_tree import grow_tree
from pipeline.demo.tree.parameters import MOST_OF
from pipeline.demo.tree.traits import ADULT, FEMALE, JUVENILE, MALE, tree_looks, variant

TRAITS: dict[str, Callable[[Look], object]] = {
    "kingdom": lambda look: look.ground,
    "phylum": lambda look: (look.body.limbs, look.body.tail),
    "order": lambda look: (look.body.lobes, look.body.length),
    "genus": lambda look: (look.pattern, look.frequency),
    "species": lambda look: (look.mark, look.mark_place, look.mark_colour),
}
"""The traits that one rank sets alone; hue (class) and tone (family) are both in the colours of the coat."""
BUSHES = (
    Parameters(),
    Parameters(species=37),
    Parameters(
        species=1_500,
        species_per_genus=MOST_OF["genus"],
        genera_per_family=MOST_OF["family"],
        families_per_order=MOST_OF["order"],
    ),
    Parameters(
        species=MOST_OF["kingdom"] * MOST_OF["phylum"] * MOST_OF["class"],
        species_per_genus=1,
        genera_per_family=1,
        families_per_order=1,
        orders_per_class=MOST_OF["class"],
        classes_per_phylum=MOST_OF["phylum"],
        phyla_per_kingdom=MOST_OF["kingdom"],
    ),
)


@pytest.mark.parametrize("seed", [1, 17])
@pytest.mark.parametrize("parameters", BUSHES)
def test_siblings_differ_in_the_trait_of_their_rank_and_share_those_above(parameters: Parameters, seed: int) -> None:
    tree = grow_tree(seed, parameters)
    looks = tree_looks(tree, seed)
    for level, rank in enumerate(RANKS):
        first_below: dict[str, Look] = {}
        for number in range(len(tree.species)):
            first_below.setdefault(tree.path(number)[level].name, looks[number])
        for number, look in enumerate(looks):
            taxon = tree.path(number)[level]
            if rank in TRAITS:
                assert TRAITS[rank](look) == TRAITS[rank](first_below[taxon.name])
        siblings: dict[int, list[Look]] = {}
        for taxon in tree.taxa[level]:
            siblings.setdefault(taxon.parent, []).append(first_below[taxon.name])
        for brood in siblings.values():
            traits = [(look.coat, look.accent) for look in brood]
            if rank in TRAITS:
                assert len({TRAITS[rank](look) for look in brood}) == len(brood)
            elif rank == "family":  # children of one order, of one hue
                assert len(set(traits)) == len(brood)
    assert len(set(looks)) == len(looks)


def test_families_of_a_class_share_its_hue_and_no_other_class_of_the_default_tree_has_it() -> None:
    tree = grow_tree(4, Parameters())
    hues: dict[str, set[int]] = {}
    for number, look in enumerate(tree_looks(tree, 4)):
        red, green, blue = (int(part) for part in look.coat)
        most, least = max(red, green, blue), min(red, green, blue)
        angle = {red: (green - blue) / (most - least) % 6, green: (blue - red) / (most - least) + 2}.get(
            most, (red - green) / (most - least) + 4
        )
        hues.setdefault(tree.lineage(number)[2], set()).add(round(angle * 60 / 45))
    assert all(len(found) == 1 for found in hues.values())
    assert len({hue % 8 for found in hues.values() for hue in found}) == len(tree.taxa[2])


def picture(look: Look, scale: float = 1.0, key: str = "one") -> npt.NDArray[np.int16]:
    return np.asarray(draw_picture(look, key, (96, 96), scale), dtype=np.int16)


def test_all_species_and_variants_are_drawn_differently() -> None:
    tree = grow_tree(8, Parameters(species=24))
    drawn = [picture(*variant(look, sex, ADULT)) for look in tree_looks(tree, 8) for sex in (MALE, FEMALE)]
    # In one pose before one ground: what differs is the look, by enough pixels to be seen.
    for one, two in combinations(drawn, 2):
        assert (np.abs(one - two).max(axis=2) > 40).sum() >= 40


def test_a_variant_changes_colour_or_proportions_and_the_adult_male_nothing() -> None:
    for look in tree_looks(grow_tree(2, Parameters(species=24)), 2):
        assert variant(look, MALE, ADULT) == variant(look, "", "") == (look, 1.0)
        female, _ = variant(look, FEMALE, ADULT)
        assert female.accent != look.accent and female.coat == look.coat and female.mark == look.mark
        young, scale = variant(look, MALE, JUVENILE)
        assert not young.mark and scale < 1 and young.accent == look.accent
        assert young.body.length <= look.body.length
        without = picture(young, scale)
        assert (np.abs(without - picture(look)).max(axis=2) > 40).sum() > 60
