"""An index is opened once per process, and anew when another was built in its place."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.stages.shared_index import shared_index
from taxonomy import Policy, TaxonomyError, build_taxonomy


def test_threads_share_one_index_and_policies_do_not(tmp_path: Path) -> None:
    build_taxonomy(["default"], tmp_path / "taxonomy")
    folder = str(tmp_path / "taxonomy")
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: shared_index(folder, Policy()), range(32)))
    assert len({id(index) for index in opened}) == 1
    assert shared_index(folder, Policy(fuzzy=False)).build_id != opened[0].build_id


def test_an_index_that_was_built_anew_is_opened_anew(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("taxonID,scientificName,taxonRank,kingdom\n1,Animalia,kingdom,Animalia\n")
    folder = tmp_path / "taxonomy"
    build_taxonomy(["default"], folder)
    before = shared_index(str(folder), Policy())
    shutil.rmtree(folder)
    with pytest.raises(TaxonomyError, match="no built taxonomy"):
        shared_index(str(folder), Policy())
    build_taxonomy([str(table)], folder)
    after = shared_index(str(folder), Policy())
    assert after.build_id != before.build_id
    assert len(after) < len(before)
