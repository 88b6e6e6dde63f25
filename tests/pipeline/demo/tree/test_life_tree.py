"""The generated tree: even, named without repetition, and with what is unseen beside what is seen."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manifests.recipe import RANKS
from pipeline.demo.species import default_taxa
from pipeline.demo.tree import Parameters
from pipeline.demo.tree.life_tree import SEEN, UNSEEN_GENERA, UNSEEN_SPECIES, Tree, grow_tree
from pipeline.demo.tree.parameters import MOST_OF, MOST_SPECIES
from pipeline.model.errors import UsageError

SHAPES = st.builds(
    Parameters,
    species=st.integers(1, 300),
    species_per_genus=st.integers(1, 6),
    genera_per_family=st.integers(1, 4),
    families_per_order=st.integers(1, 4),
    orders_per_class=st.integers(1, 4),
    classes_per_phylum=st.integers(1, 4),
    phyla_per_kingdom=st.integers(1, 6),
)


def grown(seed: int, parameters: Parameters) -> Tree:
    """Return the tree, where its shape has no more kingdoms than there are grounds."""
    try:
        return grow_tree(seed, parameters)
    except UsageError as error:
        assume("kingdoms" not in str(error))
        raise


@settings(max_examples=40)
@given(st.integers(), SHAPES)
def test_children_are_dealt_evenly_and_none_has_too_many(seed: int, parameters: Parameters) -> None:
    tree = grown(seed, parameters)
    assert len(tree.species) == parameters.species
    for rank, most in parameters.branching().items():
        level = RANKS.index(rank)
        children = Counter(taxon.parent for taxon in tree.taxa[level + 1])
        assert sorted(children) == list(range(len(tree.taxa[level])))
        assert max(children.values()) <= most
        assert max(children.values()) - min(children.values()) <= 1


@settings(max_examples=40)
@given(st.integers(), SHAPES)
def test_what_is_unseen_has_its_next_of_kin_in_training(seed: int, parameters: Parameters) -> None:
    tree = grown(seed, parameters)
    seen, held = set(), defaultdict(set)
    for number, role in enumerate(tree.roles):
        lineage = tree.lineage(number)
        held[role].add((lineage[5], lineage[4]))
        if role == SEEN:
            seen |= {*lineage}
    assert seen, "something is trained on"
    assert all(genus in seen for genus, _ in held[UNSEEN_SPECIES])
    assert all(genus not in seen and family in seen for genus, family in held[UNSEEN_GENERA])
    assert not {genus for genus, _ in held[UNSEEN_SPECIES]} & {genus for genus, _ in held[UNSEEN_GENERA]}


@settings(max_examples=25)
@given(st.integers(), SHAPES, st.data())
def test_as_much_is_unseen_as_is_asked_for(seed: int, parameters: Parameters, data: st.DataObject) -> None:
    tree = grown(seed, parameters)
    spare_genera = len(tree.taxa[5]) - len(tree.taxa[4])
    genera = data.draw(st.integers(0, spare_genera))
    few = data.draw(st.integers(0, 3))
    asked = replace(parameters, unseen_genera=genera)
    found = grow_tree(seed, asked)
    unseen = {found.lineage(number)[5] for number in found.of_role(UNSEEN_GENERA)}
    assert len(unseen) == genera
    spare = parameters.species - len(found.of_role(UNSEEN_GENERA)) - (len(tree.taxa[5]) - genera)
    both = replace(asked, unseen_species=few)
    if few <= spare:
        assert len(grow_tree(seed, both).of_role(UNSEEN_SPECIES)) == few
    else:
        with pytest.raises(UsageError, match="unseen species"):
            grow_tree(seed, both)
    too_many = replace(parameters, unseen_genera=spare_genera + 1)
    with pytest.raises(UsageError, match=f"0 to {spare_genera:,}"):
        grow_tree(seed, too_many)


@pytest.mark.parametrize("seed", [0, 17, -5])
def test_no_name_occurs_twice_or_stands_in_the_taxonomy_of_the_package(seed: int) -> None:
    tree = grow_tree(seed, Parameters(species=500))
    names = [taxon.name for level in tree.taxa for taxon in level]
    assert len({name.casefold() for name in names}) == len(names)
    epithets = [taxon.name.split()[1] for taxon in tree.species]
    assert len(set(epithets)) == len(epithets)
    common = {taxon.common for taxon in tree.species}
    assert len(common) == len(tree.species) and not common & {word.lower() for name in names for word in name.split()}
    assert all(re.fullmatch("[a-z]{8,}", name) for name in common)
    real = {word for row in default_taxa() for word in row["scientificName"].split()}
    assert not real & {word for name in names for word in name.split()}
    for level in tree.taxa[:-1]:
        assert all(re.fullmatch("[A-Z][a-z]{8,}", taxon.name) for taxon in level)
    for species in tree.species:
        assert re.fullmatch("[A-Z][a-z]{8,} [a-z]{8,}", species.name)
        assert species.name.split()[0] == tree.taxa[-2][species.parent].name


def test_common_names_are_left_out_where_none_are_wanted() -> None:
    with_names, without = (grow_tree(9, Parameters(common_names=wanted)) for wanted in (True, False))
    assert {taxon.common for taxon in without.species} == {""}
    assert [taxon.name for taxon in with_names.species] == [taxon.name for taxon in without.species]


def test_a_tree_is_a_function_of_its_seed() -> None:
    one, again, other = (grow_tree(seed, Parameters()) for seed in (1, 1, 2))
    assert one == again
    assert not {taxon.name for taxon in one.species} & {taxon.name for taxon in other.species}
    assert one.roles != other.roles


def test_the_largest_tree_has_a_name_for_every_taxon() -> None:
    slim = Parameters(
        species=MOST_SPECIES,
        species_per_genus=1,
        genera_per_family=1,
        families_per_order=MOST_OF["order"],
        orders_per_class=MOST_OF["class"],
        classes_per_phylum=MOST_OF["phylum"],
        phyla_per_kingdom=MOST_OF["kingdom"],
    )
    tree = grow_tree(3, slim)
    names = [taxon.name for level in tree.taxa for taxon in level]
    assert len(set(names)) == len(names) > 3 * MOST_SPECIES


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (Parameters(species=0), "species is 0"),
        (Parameters(species_per_genus=17), "children of a genus is 17"),
        (Parameters(images=1), "images is 1"),
        (Parameters(side=8), "side is 8"),
        (Parameters(validation_percent=float("nan")), "validation_percent is nan"),
        (Parameters(mislabelled_percent=-1), "mislabelled_percent is -1"),
        (Parameters(unseen_species=-1), "-1 unseen species"),
        (Parameters(species=5_000), "kingdoms"),
    ],
)
def test_what_cannot_be_drawn_is_refused(parameters: Parameters, problem: str) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        grow_tree(1, parameters)
