"""Pictures of a drawn tree, whose embeddings follow it: some species and genera only outside of training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from manifests.recipe import RANKS
from pipeline.evaluate.labelled import Labelled, labelled

D = 48


@dataclass(frozen=True)
class Drawn:
    """A drawn run: its table, the pictures as an evaluation has them, and what a model might give."""

    table: pa.Table
    pictures: Labelled
    images: np.ndarray
    texts: np.ndarray


def draw(each: int = 12, noise: float = 0.5, seed: int = 0) -> Drawn:
    """Draw 4 families of 3 genera of 3 species; the last species of each genus and the last genus of each family are
    unseen. Pictures alternate between sexes, which differ along one axis."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(36):
        family, genus, species = number // 9, number // 3, number % 3
        name = f"Genus{'abcdefghijkl'[genus]}"
        order = ("Paridiformes", "Strigiformes")[family // 2]
        binomial = f"{name} {('primus', 'secundus', 'tertius')[species]}"
        lineage = ("Animalia", "Chordata", "Aves", order, f"Family{'abcd'[family]}", name, binomial)
        unseen = "genus" if genus % 3 == 2 else "species" if species == 2 else ""
        for place in range(each):
            key = hashlib.sha256(f"{seed} {number} {place}".encode()).hexdigest()[:32]
            split = f"test_unseen_{unseen}" if unseen else "train" if place % 2 else "val"
            rows.append(
                {
                    "key": key,
                    "record_id": f"r-{key}",
                    "accepted_id": f"t{number:02d}",
                    "accepted_name": lineage[-1],
                    **dict(zip(RANKS, lineage, strict=True)),
                    "vernacular_name": f"bird {number}" if number % 2 else None,
                    "split": split,
                    "source": "one" if place % 3 else "two",
                    "license_id": "CC0-1.0",
                    "license_family": "CC0",
                    "image_category": None,
                    "sex": ("Male", "Female", None)[place // 2 % 3],
                    "life_stage": "Adult",
                }
            )
    table = pa.Table.from_pylist(rows)
    pictures = labelled(table)
    codes = pictures.lineages.codes
    tree = np.sum([random.standard_normal((36, D))[codes[:, rank]] for rank in range(3, 7)], axis=0)
    sexes = np.array([{"Male": 1.0, "Female": -1.0}.get(value or "", 0.0) for value in pictures.columns["sex"]])
    axis = np.zeros(D)
    axis[0] = 0.8
    shaken = random.standard_normal((len(pictures), D))
    return Drawn(table, pictures, tree[pictures.labels] + sexes[:, None] * axis + noise * shaken, tree)


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    return draw()
