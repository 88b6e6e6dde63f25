"""Vectors are written and read as they are, to float16, and stand in the catalog beside the samples."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import open_catalog
from pipeline.embed import embedded, part_name, register, write_part
from pipeline.embed.vector_files import DONE, Matrix, folder_of, write_names
from pipeline.evaluate import read_embeddings
from pipeline.model.errors import FeedError, RunError
from pipeline.query import answers
from pipeline.storage.files.atomic import write_json
from tests.conftest import Demo


def unit(rows: int, width: int, seed: int = 0) -> Matrix:
    found = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def test_vectors_come_back(tmp_path: Path) -> None:
    vectors = unit(5, 33)
    write_part(tmp_path / part_name(0), list("abcde"), "tiny", vectors)
    found = read_embeddings(tmp_path / part_name(0), list("abcde"))
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    assert (found.missing, found.unknown) == (0, 0)
    assert found.vectors.shape == (5, 33)
    assert np.abs(found.vectors - vectors).max() < 5e-4


def test_names_have_their_captions(tmp_path: Path) -> None:
    write_names(tmp_path / "n.parquet", ["t1", "t2"], "sci", ["a photo of A b.", "a photo of C d."], "tiny", unit(2, 4))
    table = pq.read_table(tmp_path / "n.parquet")
    assert table["accepted_id"].to_pylist() == ["t1", "t2"]
    assert set(table["text"].to_pylist()) == {"sci"}
    assert [len(vector) for vector in table["vector"].to_pylist()] == [4, 4]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "-x", "a b"])
def test_a_set_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeedError, match="cannot be called"):
        folder_of(tmp_path, name)


def test_finished_sets_stand_in_the_catalog_and_others_do_not(demo: Demo, tmp_path: Path) -> None:
    run = tmp_path / "a run, [of] mine"  # of characters that DuckDB takes for lists and patterns
    shutil.copytree(demo.out, run)
    with open_catalog(run) as con:
        keys = [key for (key,) in con.execute("SELECT key FROM samples ORDER BY key").fetchall()]
    for name, width in (("one", 8), ("two", 3), ("begun", 5)):
        write_part(folder_of(run, name) / part_name(0), keys[:20], name, unit(20, width))
        write_part(folder_of(run, name) / part_name(1), keys[20:], name, unit(len(keys) - 20, width))
        if name != "begun":
            facts = {"model": name, "width": width, "pictures": len(keys), "digest": ""}
            write_json(folder_of(run, name) / DONE, facts)
    assert [(each.model, each.width) for each in embedded(run)] == [("one", 8), ("two", 3)]
    assert register(run)
    question = "SELECT name, count(*), min(len(vector)), max(len(vector)) FROM embeddings JOIN samples USING (key)"
    expected = [("one", len(keys), 8, 8), ("two", len(keys), 3, 3)]
    with open_catalog(run) as con:
        assert con.execute(f"{question} GROUP BY name ORDER BY name").fetchall() == expected
        ((comment,),) = con.execute("SELECT comment FROM duckdb_views() WHERE view_name = 'embeddings'").fetchall()
        assert "biomill embed" in comment
    # A set that is removed is gone from the view at once, and one that is finished is there at once.
    shutil.rmtree(run / "embeddings" / "one")
    with open_catalog(run) as con:
        assert con.execute(f"{question} GROUP BY name ORDER BY name").fetchall() == expected[1:]
    write_json(folder_of(run, "begun") / DONE, {**facts, "model": "begun", "width": 5})
    with open_catalog(run) as con:
        found = con.execute(f"{question} GROUP BY name ORDER BY name").fetchall()
        assert found == [("begun", len(keys), 5, 5), *expected[1:]]
        nearest = """
            SELECT b.key FROM embeddings a JOIN embeddings b USING (name)
            WHERE a.name = 'two' AND a.key = ? AND b.key <> a.key
            ORDER BY list_inner_product(a.vector, b.vector) DESC, b.key LIMIT 1
        """
        ((near,),) = con.execute(nearest, [keys[3]]).fetchall()
        vectors = read_embeddings(run / "embeddings" / "two", keys).vectors
        scores = vectors @ vectors[3]
        scores[3] = -1
        assert scores[keys.index(near)] >= scores.max() - 1e-6
    assert register(run)
    with open_catalog(run) as con:
        assert con.execute("SELECT count(DISTINCT name) FROM embeddings").fetchall() == [(2,)]
    # A damaged set is named, with what to do; without any set, the view says that there is none.
    part = folder_of(run, "two") / part_name(0)
    part.write_bytes(part.read_bytes()[:200])
    with pytest.raises(RunError, match="the set of vectors 'two' cannot be read") as error:
        list(answers(run, "SELECT count(vector) FROM embeddings", "csv", False, None, None))
    assert "remove the folder of the set" in str(error.value)
    shutil.rmtree(run / "embeddings")
    with pytest.raises(RunError, match="no set of vectors lies beside the run") as error:
        list(answers(run, "SELECT count(*) FROM embeddings", "csv", False, None, None))
    assert "remove" not in str(error.value)
    assert register(run)
    with open_catalog(run) as con, pytest.raises(duckdb.CatalogException):
        con.execute("FROM embeddings")


def test_without_a_catalog_nothing_is_registered(tmp_path: Path) -> None:
    assert not register(tmp_path)
