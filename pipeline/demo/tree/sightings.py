"""Who was seen: individuals of a sex and life stage, each seen some times, at some place and time, under some label."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.demo.tree.life_tree import SEEN, Tree
from pipeline.demo.tree.parameters import Parameters
from pipeline.demo.tree.traits import ADULT, FEMALE, JUVENILE, MALE

DEPLOYMENTS = 24
SEEN_TIMES = 2
"""Pictures of an individual; splits keep them together."""
_JUVENILES = (6, 8)
"""Of so many individuals the last ones are juveniles, one of each sex."""
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_MINUTES = 366 * 24 * 60


@dataclass(frozen=True, slots=True)
class Sighting:
    """One picture to draw, and what the records say of it."""

    key: str
    """Key of the medium, sixteen hexadecimal digits: it tells nothing of the species."""
    species: int
    """The species that is drawn."""
    label: int
    """The species that the record names."""
    individual: str
    sex: str
    """'female', 'male', or '' where individuals do not vary."""
    stage: str
    """'adult', 'juvenile', or ''."""
    deployment: int
    time: datetime


def sightings(seed: int, tree: Tree, parameters: Parameters) -> list[Sighting]:
    """Return all sightings, species by species. Places and times know nothing of the species."""
    labels = _mislabelled(seed, tree, parameters)
    return [each for species in range(len(tree.species)) for each in _of_species(seed, species, parameters, labels)]


def _of_species(
    seed: int, species: int, parameters: Parameters, labels: dict[tuple[int, int], int]
) -> Iterator[Sighting]:
    for number in range(parameters.images):
        individual = number // SEEN_TIMES
        sex, stage = _variant(individual) if parameters.variants else ("", "")
        key = _digits(f"{seed}|medium|{species}|{number}", 16)
        chance = random.Random(f"{seed}|place|{key}")
        yield Sighting(
            key=key,
            species=species,
            label=labels.get((species, number), species),
            individual=_digits(f"{seed}|individual|{species}|{individual}", 12),
            sex=sex,
            stage=stage,
            deployment=chance.randrange(DEPLOYMENTS),
            time=_BEGIN + timedelta(minutes=chance.randrange(_MINUTES)),
        )


def _variant(individual: int) -> tuple[str, str]:
    adults, all_of = _JUVENILES
    return (FEMALE, MALE)[individual % 2], ADULT if individual % all_of < adults else JUVENILE


def _digits(key: str, count: int) -> str:
    return hashlib.shake_128(key.encode()).hexdigest(count // 2)


def _mislabelled(seed: int, tree: Tree, parameters: Parameters) -> dict[tuple[int, int], int]:
    """Return the wrong labels by (species, number): half of them name another species of the genus, where there is one.

    Trained species alone are mistaken, for each other, so that what is unseen stays unseen.
    """
    seen = tree.of_role(SEEN)
    pictures = [(species, number) for species in seen for number in range(parameters.images)]
    count = round(len(pictures) * parameters.mislabelled_percent / 100) if len(seen) > 1 else 0
    chance = random.Random(f"{seed}|mislabelled")
    siblings: dict[int, list[int]] = {}
    for species in seen:
        siblings.setdefault(tree.species[species].parent, []).append(species)
    found = {}
    for species, number in chance.sample(pictures, count):
        near = [other for other in siblings[tree.species[species].parent] if other != species]
        among = near if near and chance.random() < 0.5 else [other for other in seen if other != species]
        found[species, number] = chance.choice(among)
    return found
