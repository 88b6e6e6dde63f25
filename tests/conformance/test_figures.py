"""The figures of the conformance scripts, held where the published taxonomies are at hand."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.conformance import asterales, synonyms

DATA = Path(__file__).parents[2] / "../shared/data/taxonomy"


def published(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the published taxonomy {name} is not here")
    return path


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asterales")
    with tarfile.open(published(f"ott-asterales/{asterales.ARCHIVE}")) as packed:
        packed.extractall(folder, filter="data")
    return folder


def test_three_taxonomies_of_asterales_become_one(order: Path) -> None:
    given = asterales.truth(order)
    assert (len(given.same), len(given.plain), len(given.different)) == (48, 2011, 9)
    sources = (asterales.GBIF, asterales.NCBI, asterales.OPEN_TREE)
    hard, plain, false = asterales.measure(order, sources, crosswalk=True)
    assert (hard >= 44, plain >= 2005, false <= 3) == (True, True, True), (hard, plain, false)


def test_names_alone_find_most_pairs_whose_names_differ(order: Path) -> None:
    hard, plain, _ = asterales.measure(order, (asterales.GBIF, asterales.NCBI), crosswalk=False)
    assert (hard >= 41, plain >= 2005) == (True, True), (hard, plain)


@pytest.mark.parametrize("suite", synonyms.SUITES)
def test_synonyms_of_one_target_find_it(suite: str) -> None:
    published(synonyms.SUITES[suite][0])
    found = synonyms.measure(DATA, suite)
    assert found.percent >= 99, found.wrong[:5]
    assert found.reported >= 0.99 * found.ambiguous
