"""The tree of life of a biota: its taxa by rank, and which species training sees."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from manifests.recipe import RANKS
from pipeline.demo.tree.naming import Namer
from pipeline.demo.tree.parameters import MOST_KINGDOMS, Parameters
from pipeline.model.errors import UsageError

SEEN, UNSEEN_SPECIES, UNSEEN_GENERA = "seen", "unseen_species", "unseen_genera"
_DEFAULT_UNSEEN_GENERA = (5, 24)


@dataclass(frozen=True, slots=True)
class Taxon:
    """One taxon: its name, its rank, its number among all of its rank, and that of its parent."""

    name: str
    rank: str
    number: int
    parent: int
    """Number of the parent among the taxa of the rank above; -1 for a kingdom."""
    common: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """The taxa of each rank, kingdoms first; children of one parent stand together."""

    taxa: tuple[tuple[Taxon, ...], ...]
    roles: tuple[str, ...]
    """What each species is to training: seen, unseen_species (its genus is seen), or unseen_genera (its family is)."""

    @property
    def species(self) -> tuple[Taxon, ...]:
        """The species, in the order of `roles`."""
        return self.taxa[-1]

    def path(self, species: int) -> tuple[Taxon, ...]:
        """Return the taxa from the kingdom down to a species."""
        found = [self.taxa[-1][species]]
        for level in self.taxa[-2::-1]:
            found.append(level[found[-1].parent])
        return tuple(reversed(found))

    def lineage(self, species: int) -> tuple[str, ...]:
        """Return the seven names from the kingdom down to a species."""
        return tuple(taxon.name for taxon in self.path(species))

    def of_role(self, role: str) -> list[int]:
        """Return the species of a role."""
        return [number for number, each in enumerate(self.roles) if each == role]


def grow_tree(seed: int, parameters: Parameters) -> Tree:
    """Return the tree of a seed; raise UsageError where the parameters ask for what cannot be.

    >>> tree = grow_tree(1, Parameters())
    >>> [len(level) for level in tree.taxa], [len(tree.of_role(role)) for role in (SEEN, UNSEEN_SPECIES, UNSEEN_GENERA)]
    ([2, 3, 6, 12, 24, 48, 192], [114, 38, 40])
    """
    parameters.check()
    parents = _parents(parameters)
    namer = Namer(seed)
    taxa: list[tuple[Taxon, ...]] = []
    for rank, above in zip(RANKS, parents, strict=True):
        if rank == "species":
            names = [namer.binomial(taxa[-1][parent].name) for parent in above]
        else:
            names = [namer.uninomial(rank) for _ in above]
        level = enumerate(zip(names, above, strict=True))
        taxa.append(tuple(Taxon(name, rank, number, parent) for number, (name, parent) in level))
    if parameters.common_names:
        taxa[-1] = tuple(replace(species, common=namer.common_name()) for species in taxa[-1])
    return Tree(tuple(taxa), _roles(seed, parents[-2], parents[-1], parameters))


def _parents(parameters: Parameters) -> list[list[int]]:
    """Return the parent of every taxon of each rank, kingdoms first; two parents differ by one child at most."""
    counts = [parameters.species]
    for most in parameters.branching().values():
        counts.append(-(-counts[-1] // most))
    counts.reverse()
    if counts[0] > MOST_KINGDOMS:
        raise UsageError(
            f"{parameters.species:,} species make {counts[0]:,} kingdoms",
            where="parameters of the drawn biota",
            expected=f"at most {MOST_KINGDOMS}",
            remedy="ask for fewer species, or for more children of each taxon",
        )
    below = [[number * above // count for number in range(count)] for above, count in pairwise(counts)]
    return [[-1] * counts[0], *below]


def _roles(seed: int, family_of: Sequence[int], genus_of: Sequence[int], parameters: Parameters) -> tuple[str, ...]:
    chance = random.Random(f"{seed}|roles")
    part, whole = _DEFAULT_UNSEEN_GENERA
    free = _spared(family_of, range(len(family_of)), chance)
    wanted = parameters.unseen_genera
    unseen = set(_first(free, min(len(family_of) * part // whole, len(free)) if wanted is None else wanted, "genera"))
    seen = [number for number, genus in enumerate(genus_of) if genus not in unseen]
    spared = _spared(genus_of, seen, chance)
    once = sum(count > 1 for count in Counter(genus_of[number] for number in seen).values())
    wanted = parameters.unseen_species
    alone = set(_first(spared, once if wanted is None else wanted, "species"))
    return tuple(
        UNSEEN_GENERA if genus in unseen else UNSEEN_SPECIES if number in alone else SEEN
        for number, genus in enumerate(genus_of)
    )


def _spared(parent_of: Sequence[int], children: Sequence[int], chance: random.Random) -> list[int]:
    """Return the children that may be unseen, in the order in which they become so: one of each parent, then another.

    One child of each parent is never among them.
    """
    families: dict[int, list[int]] = {}
    for child in chance.sample(list(children), len(children)):
        families.setdefault(parent_of[child], []).append(child)
    rounds = max(map(len, families.values()), default=0)
    return [brood[number] for number in range(rounds) for brood in families.values() if number < len(brood) - 1]


def _first(free: Sequence[int], wanted: int, what: str) -> Sequence[int]:
    if not 0 <= wanted <= len(free):
        parent = {"genera": "family", "species": "genus"}[what]
        raise UsageError(
            f"{wanted:,} unseen {what} are wanted of the drawn biota",
            where="parameters of the drawn biota",
            expected=f"0 to {len(free):,}: one of each {parent} is always seen",
            remedy=f"ask for fewer, for more species, or for more of them in a {parent}",
        )
    return free[:wanted]
