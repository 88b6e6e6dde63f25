"""What the pictures tell of the tree: linear discriminants of colours in rings about the middle, without any network.

If so little tells species, genus and family apart, and the family of genera that it never met, then what a model gets
wrong is the model's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from pipeline.demo.draw import draw_picture
from pipeline.demo.tree import Parameters
from pipeline.demo.tree.life_tree import SEEN, UNSEEN_GENERA, UNSEEN_SPECIES, Tree, grow_tree
from pipeline.demo.tree.sightings import sightings
from pipeline.demo.tree.traits import tree_looks, variant

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
SIDE, RINGS, BINS = 48, (0, 7, 13, 21), 5
PARAMETERS = Parameters(images=16)


@dataclass(frozen=True)
class Seen:
    """Features and species of all pictures, and which of them are trained on."""

    tree: Tree
    features: Floats
    species: Numbers
    roles: npt.NDArray[np.str_]
    trained: npt.NDArray[np.bool_]

    def right(self, rows: npt.NDArray[np.bool_], rank: int, shuffled: bool = False) -> float:
        """Return how often the nearest trained species has the right name at a rank."""
        names = np.array([self.tree.lineage(number)[rank] for number in range(len(self.tree.species))])
        answers = self.species[self.trained]
        if shuffled:
            answers = np.random.default_rng(0).permutation(answers)
        classes, label = np.unique(answers, return_inverse=True)
        here = self.features[self.trained]
        centres = np.stack([here[label == number].mean(0) for number in range(len(classes))])
        within = here - centres[label]
        spread = within.T @ within / len(here)
        spread += np.eye(len(spread)) * np.trace(spread) / len(spread) * 0.05
        weights = np.linalg.solve(spread, centres.T)
        scores = self.features[rows] @ weights - 0.5 * (centres * weights.T).sum(1)
        return float((names[classes[scores.argmax(1)]] == names[self.species[rows]]).mean())


def colours(image: Image.Image) -> Floats:
    """Return the root of the share of each colour, by ring."""
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)).astype(np.int64) * BINS // 256
    code = (pixels[..., 0] * BINS + pixels[..., 1]) * BINS + pixels[..., 2]
    down, across = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    away = np.hypot(down, across)
    shares = [
        np.bincount(code[(away >= inner) & (away < outer)], minlength=BINS**3) for inner, outer in pairwise(RINGS)
    ]
    roots: Floats = np.sqrt(np.concatenate([share / share.sum() for share in shares]))
    return roots


@pytest.fixture(scope="module", params=[3, 99])
def seen(request: pytest.FixtureRequest) -> Seen:
    tree = grow_tree(request.param, PARAMETERS)
    looks = tree_looks(tree, request.param)
    everything = sightings(request.param, tree, PARAMETERS)
    features = []
    for each in everything:
        look, scale = variant(looks[each.species], each.sex, each.stage)
        features.append(colours(draw_picture(look, each.key, (SIDE * 2, SIDE * 2), scale)))
    matrix, species = np.stack(features), np.array([each.species for each in everything])
    roles = np.array(tree.roles)[species]
    held_back = np.array([int(each.individual, 16) % 4 == 0 for each in everything])
    return Seen(tree, matrix - matrix.mean(0), species, roles, (roles == SEEN) & ~held_back)


@pytest.mark.whole
def test_pictures_tell_the_tree_down_to_the_species(seen: Seen) -> None:
    held_back = (seen.roles == SEEN) & ~seen.trained
    figures = {rank: seen.right(held_back, number) for number, rank in ((4, "family"), (5, "genus"), (6, "species"))}
    print("held back", figures, "labels shuffled", seen.right(held_back, 6, shuffled=True))
    assert figures["species"] > 0.35 and figures["genus"] > 0.6 and figures["family"] > 0.9  # by chance .01, .03, .04
    assert seen.right(held_back, 6, shuffled=True) < 0.05


@pytest.mark.whole
def test_traits_of_a_rank_carry_over_to_what_is_unseen(seen: Seen) -> None:
    genus = seen.right(seen.roles == UNSEEN_SPECIES, 5)
    family = seen.right(seen.roles == UNSEEN_GENERA, 4)
    print("genus of unseen species", genus, "family of unseen genera", family)
    assert genus > 0.4 and family > 0.75
    assert seen.right(seen.roles == UNSEEN_GENERA, 4, shuffled=True) < 0.2
