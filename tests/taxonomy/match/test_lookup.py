"""Names and stems are looked up by hash, and believed by what they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from taxonomy import Taxonomy, TaxonomyError
from taxonomy.names.hashing import name_hashes

ROWS = """\
taxonID\tscientificName\ttaxonRank\ttaxonomicStatus\tparentNameUsageID\tacceptedNameUsageID
1\tPasseridae\tfamily\taccepted\t\t
2\tPasser\tgenus\taccepted\t1\t
3\tPasser domesticus\tspecies\taccepted\t2\t
4\tPasser domestica\tspecies\tsynonym\t2\t3
5\tPasser montanus\tspecies\taccepted\t2\t
6\tPasser luteus\tspecies\taccepted\t2\t
"""


def keys(*words: str) -> np.ndarray:
    return np.array(words, dtype=object)


def colliding(taxonomy: Taxonomy, word: str) -> Taxonomy:
    """Return the taxonomy with an index in which every name and every stem has the hash of one word."""
    hashed = name_hashes(keys(word))[0]
    taxonomy.hashes = np.full(len(taxonomy.hashes), hashed)
    taxonomy.stem_hashes = np.full(len(taxonomy.stem_hashes), hashed)
    return taxonomy


def named(taxonomy: Taxonomy, rows: np.ndarray) -> list[str]:
    return sorted(taxonomy.names["name"][int(row)].as_py() for row in rows)


def test_of_names_with_one_hash_only_the_name_asked_for_is_found(made: Callable[..., Taxonomy]) -> None:
    taxonomy = colliding(made(ROWS), "Passer montanus")
    place, rows = taxonomy.find(keys("Passer montanus"))
    assert named(taxonomy, rows) == ["Passer montanus"]
    assert place.tolist() == [0]
    assert len(taxonomy.find(keys("Passer"))[1]) == 0  # its own hash is no longer in the index


def test_of_stems_with_one_hash_only_the_names_of_that_stem_are_found(made: Callable[..., Taxonomy]) -> None:
    taxonomy = colliding(made(ROWS), "Passer domestic")
    place, rows = taxonomy.find_stems(keys("Passer domestic"))
    assert named(taxonomy, rows) == ["Passer domestica", "Passer domesticus"]
    assert place.tolist() == [0, 0]


def test_an_empty_name_or_stem_finds_nothing_even_where_its_hash_stands(made: Callable[..., Taxonomy]) -> None:
    taxonomy = colliding(made(ROWS), "")
    assert [part.tolist() for part in taxonomy.find(keys(""))] == [[], []]
    assert [part.tolist() for part in taxonomy.find_stems(keys(""))] == [[], []]


def test_answers_come_in_the_order_of_the_questions(made: Callable[..., Taxonomy]) -> None:
    taxonomy = made(ROWS)
    asked = keys("Passer montanus", "Nobody", "Passer", "", "Passer montanus", "Passer domesticus")
    place, rows = taxonomy.find(asked)
    assert place.tolist() == [0, 2, 4, 5]
    assert [taxonomy.names["name"][int(row)].as_py() for row in rows] == [asked[at] for at in place]
    place, rows = taxonomy.find_stems(keys("Passer lute", "Passer domestic", "Passer montan"))
    assert place.tolist() == [0, 1, 1, 2]
    assert rows[1] < rows[2]


def test_every_id_is_found_and_no_other_text_is(made: Callable[..., Taxonomy]) -> None:
    taxonomy = made(ROWS)
    ids = taxonomy.names["usage_id"].to_pylist()
    assert [taxonomy.row(each) for each in ids] == list(range(len(ids)))
    for other in ("", "~", ids[0] + "0", ids[-1] + "0", ids[2][:-1]):
        assert other in ids or taxonomy.row(other) == -1
    with pytest.raises(TaxonomyError, match="no such usage: 'nobody'"):
        taxonomy.usage("nobody")


def test_a_usage_says_its_accepted_name_its_parent_and_the_ranks_above(made: Callable[..., Taxonomy]) -> None:
    taxonomy = made(ROWS)
    by_name = {
        name: taxonomy.names["usage_id"][row].as_py() for row, name in enumerate(taxonomy.names["name"].to_pylist())
    }
    synonym = taxonomy.usage(by_name["Passer domestica"])
    assert (synonym.accepted_id, synonym.status) == (by_name["Passer domesticus"], "synonym")
    species = taxonomy.usage(by_name["Passer domesticus"])
    assert (species.accepted_id, species.status, species.rank) == (species.usage_id, "accepted", "species")
    assert species.parent_id == by_name["Passer"]
    assert dict(species.classification) == {"family": "Passeridae", "genus": "Passer", "species": "Passer domesticus"}
