from __future__ import annotations

import pytest
from ete3 import Tree

from taxonomy import Taxonomy, TaxonomyError
from taxonomy.tree import lowest_common_ancestor, newick

IDS = ["bm:Puma-concolor", "bm:Panthera-leo", "bm:Musca-domestica", "bm:Morus-alba"]


def test_the_tree_reads_back_with_its_ids_in_any_order_of_asking(default: Taxonomy) -> None:
    text = newick(default, IDS)
    assert newick(default, IDS[::-1]) == text
    tree = Tree(text, format=8, quoted_node_names=True)
    assert sorted(leaf.name.strip("'") for leaf in tree) == sorted(IDS)
    assert {child.name.strip("'") for child in tree.children} == {"bm:Animalia", "bm:Plantae"}


def test_a_taxon_above_others_is_an_inner_node(default: Taxonomy) -> None:
    tree = Tree(newick(default, ["bm:Felidae", "bm:Puma-concolor"]), format=8, quoted_node_names=True)
    assert [leaf.name.strip("'") for leaf in tree] == ["bm:Puma-concolor"]


def test_the_lowest_common_ancestor_is_found_also_of_synonyms(default: Taxonomy) -> None:
    assert lowest_common_ancestor(default, IDS[:2]) == "bm:Felidae"
    assert lowest_common_ancestor(default, ["bm:Felis-concolor", "bm:Puma-concolor"]) == "bm:Puma-concolor"
    assert lowest_common_ancestor(default, IDS[:3]) == "bm:Animalia"
    assert lowest_common_ancestor(default, IDS) is None
    assert lowest_common_ancestor(default, []) is None


def test_an_unknown_id_is_refused(default: Taxonomy) -> None:
    with pytest.raises(TaxonomyError, match="no such taxon"):
        newick(default, ["bm:Nothing"])
