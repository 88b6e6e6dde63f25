"""Vectors brought as Parquet: whole and right, or refused with file, row and key, and nothing of them left."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.embed import embedded
from pipeline.evaluate import read_embeddings, write_embeddings
from pipeline.model.errors import EvaluationError, FeedError, UsageError
from pipeline.storage.places import place
from pipeline.vectors import brought
from pipeline.vectors.brought import bring
from tests.conftest import Demo
from tests.pipeline.vectors.drawn_sets import copied


@pytest.fixture(scope="module")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    return copied(demo, tmp_path_factory.mktemp("brought"))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of several batches and parts, at the size of the demo."""
    monkeypatch.setattr("pipeline.evaluate.embeddings._ROWS", 7)
    monkeypatch.setattr(brought, "_READ", 3)


def brought_set(run: Path, name: str, keys: list[str]) -> np.ndarray:
    return read_embeddings(run / "embeddings" / name, keys).vectors


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_vectors_of_any_float_come_as_unit_vectors_by_key(
    run: tuple[Path, list[str]], kind: type, tmp_path: Path
) -> None:
    out, keys = run
    vectors: np.ndarray = (np.random.default_rng(0).normal(size=(len(keys), 12)) * 30).astype(kind)
    order = np.random.default_rng(1).permutation(len(keys))
    write_embeddings(tmp_path / "v.parquet", [keys[row] for row in order], vectors[order])
    name = f"of-{np.dtype(kind).name}"
    (said,) = bring(out, tmp_path / "v.parquet", name)
    assert f"{len(keys)} vectors of 12 numbers" in said
    expected = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    assert np.abs(brought_set(out, name, keys) - expected).max() < 5e-4
    assert len(list((out / "embeddings" / name).glob("pictures-*"))) == -(-len(keys) // 21)
    stored = pq.read_table(next((out / "embeddings" / name).glob("pictures-*")))
    assert stored.schema.field("vector").type == pa.list_(pa.float16())


def test_lists_of_any_length_type_are_read(run: tuple[Path, list[str]], tmp_path: Path) -> None:
    out, keys = run
    for number, kind in enumerate((pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 3))):
        table = pa.table({"embedding": pa.array([[1.0, 2.0, 2.0]] * len(keys), kind), "key": keys, "other": keys})
        pq.write_table(table, tmp_path / "v.parquet")
        list(bring(out, tmp_path / "v.parquet", f"list{number}"))
        assert np.abs(brought_set(out, f"list{number}", keys) - [1 / 3, 2 / 3, 2 / 3]).max() < 5e-4


WRONG = {
    "twice": "comes twice",
    "twice far apart": "comes twice",
    "unknown": "is of no picture of the run",
    "null key": "is null",
    "null vector": "is null",
    "null value": "null",
    "nan": "no finite number",
    "infinite": "no finite number",
    "too large for float32": "no finite number",
    "zeros": "of zeros",
    "tiny": "of zeros",
    "shorter": "dimensions",
    "empty vectors": "dimensions",
    "missing": "have no vector",
    "whole numbers": "lists of float16",
    "no key": "no column of keys",
    "no vectors": "no column of vectors",
    "no rows": "no rows",
    "two columns of vectors": "two columns of vectors",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_its_row_and_leaves_nothing(
    run: tuple[Path, list[str]], what: str, tmp_path: Path
) -> None:
    out, keys = run
    vectors: list[list[float | None] | None] = [[1.0, 2.0, float(row)] for row in range(len(keys))]
    named: list[str | None] = list(keys)
    row = 25  # in the second part, behind one that was written
    if what == "twice":
        named[row + 1] = named[row]
    elif what == "twice far apart":
        named[row] = named[0]
    elif what == "unknown":
        named[row] = "f" * 32
    elif what == "null key":
        named[row] = None
    elif what in ("missing", "no rows"):
        named, vectors = (named[:-1], vectors[:-1]) if what == "missing" else ([], [])
    else:
        values: dict[str, list[float | None] | None] = {
            "null vector": None,
            "null value": [1.0, None, 2.0],
            "nan": [1.0, np.nan, 2.0],
            "infinite": [1.0, -np.inf, 2.0],
            "too large for float32": [1.0, 1e39, 2.0],
            "zeros": [0.0, -0.0, 0.0],
            "tiny": [1e-40, 0.0, 0.0],
            "shorter": [1.0, 2.0],
        }
        vectors[row] = values.get(what, [1.0, 2.0, 3.0])
        if what == "empty vectors":
            vectors = [[] for _ in keys]
    of = pa.int64() if what == "whole numbers" else pa.float64()
    table = pa.table({"key": pa.array(named, pa.string()), "vector": pa.array(vectors, pa.list_(of), safe=False)})
    if what in ("no key", "no vectors"):
        table = table.drop_columns(["key" if what == "no key" else "vector"])
    if what == "two columns of vectors":
        table = table.append_column("embedding", table["vector"])
    path = tmp_path / "v.parquet"
    pq.write_table(table, path)
    with pytest.raises(EvaluationError, match=WRONG[what]) as error:
        list(bring(out, path, "wrong"))
    assert str(path) in str(error.value)
    if what in ("unknown", "nan", "infinite", "zeros", "tiny", "shorter"):
        assert f"row {row + 1}" in str(error.value)
    if what == "twice far apart":
        assert f"rows 1 and {row + 1}" in str(error.value)
    assert not (out / "embeddings" / "wrong").exists()
    assert "wrong" not in [each.folder.name for each in embedded(out)]


def test_what_is_no_parquet_is_refused(run: tuple[Path, list[str]], tmp_path: Path) -> None:
    out, _ = run
    with pytest.raises(EvaluationError, match="cannot be read"):
        list(bring(out, tmp_path / "none.parquet", "wrong"))
    (tmp_path / "v.parquet").write_text("no Parquet")
    with pytest.raises(EvaluationError, match="cannot be read"):
        list(bring(out, tmp_path / "v.parquet", "wrong"))
    with pytest.raises(EvaluationError, match="names a folder"):
        list(bring(out, tmp_path, "wrong"))
    with pytest.raises(FeedError, match="cannot be called"):
        list(bring(out, tmp_path / "v.parquet", "../wrong"))
    with pytest.raises(EvaluationError, match="samples cannot be read"):
        list(bring(tmp_path, tmp_path / "v.parquet", "wrong"))


def test_some_pictures_alone_are_taken_where_that_is_asked_for(run: tuple[Path, list[str]], tmp_path: Path) -> None:
    out, keys = run
    named = [*keys[::2], "a stranger", "another"]
    write_embeddings(tmp_path / "v.parquet", named, np.eye(len(named), 9, dtype=np.float32) + 1)
    (said,) = bring(out, tmp_path / "v.parquet", "some", partial=True)
    assert f"{len(keys) // 2} pictures have none, and 2 rows are of no picture" in said
    assert read_embeddings(out / "embeddings" / "some", keys, partial=True).missing == len(keys) // 2
    # Asking for all of them is refused, and does not undo what is there.
    with pytest.raises(EvaluationError, match="of no picture"):
        list(bring(out, tmp_path / "v.parquet", "some"))
    assert "some" in [each.folder.name for each in embedded(out)]
    write_embeddings(tmp_path / "s.parquet", ["a stranger"], np.ones((1, 3), np.float32))
    with pytest.raises(EvaluationError, match="have no vector"):
        list(bring(out, tmp_path / "s.parquet", "strange", partial=True))


def test_the_same_file_goes_on_and_another_is_refused_by_name(run: tuple[Path, list[str]], tmp_path: Path) -> None:
    out, keys = run
    vectors = np.random.default_rng(5).normal(size=(len(keys), 4)).astype(np.float32)
    write_embeddings(tmp_path / "v.parquet", keys, vectors)
    list(bring(out, tmp_path / "v.parquet", "again"))
    folder = out / "embeddings" / "again"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for gone in ("_done.json", "pictures-00001.parquet"):  # as a kill leaves it
        (folder / gone).unlink()
    assert "again" not in [each.folder.name for each in embedded(out)]
    list(bring(out, tmp_path / "v.parquet", "again"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write_embeddings(tmp_path / "w.parquet", keys, -vectors)
    with pytest.raises(UsageError, match="from another file"):
        list(bring(out, tmp_path / "w.parquet", "again"))
    shutil.copy(tmp_path / "w.parquet", tmp_path / "v.parquet")
    with pytest.raises(UsageError, match="from another file"):
        list(bring(out, tmp_path / "v.parquet", "again"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_command_registers_what_it_brings_and_says_what_cannot_be(
    run: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, keys = run
    path = tmp_path / "v.parquet"
    write_embeddings(path, keys, np.random.default_rng(6).normal(size=(len(keys), 4)).astype(np.float16))
    assert main(["embed", str(out), "--from", str(path), "--name", "theirs"]) == 0
    assert "in the catalog" in capsys.readouterr().out
    with open_catalog(out) as con:
        query = "SELECT count(*) FROM embeddings JOIN samples USING (key) WHERE name = 'theirs'"
        assert con.execute(query).fetchall() == [(len(keys),)]
    for words, said in (
        (["--from", str(path)], "has no name"),
        ([], "one of the two"),
        (["--from", str(path), "--model", "tiny", "--name", "a"], "one of the two"),
        (["--from", str(path), "--name", "a", "--split", "val"], "are for a model"),
        (["--model", "tiny", "--partial"], "is for --from"),
    ):
        assert main(["embed", str(out), *words]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["embed", "--model", "tiny"], ["neighbours"], ["evaluate", "--model", "tiny"]])
@pytest.mark.parametrize("condition", ["", " "])
def test_an_empty_condition_is_refused(
    run: tuple[Path, list[str]], words: list[str], condition: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([words[0], str(run[0]), *words[1:], "--where", condition]) == 2
    assert "the condition of --where is empty" in capsys.readouterr().err


def test_a_run_at_an_address_takes_vectors_in(demo: Demo, tmp_path: Path) -> None:
    where = place("memory://brought/run")
    shards = demo.out / "shards"
    for path in (path for path in shards.rglob("*.parquet")):
        (where / "shards" / str(path.relative_to(shards))).write_bytes(path.read_bytes())
    keys = pq.read_table(shards / "manifest.parquet")["key"].to_pylist()
    write_embeddings(
        tmp_path / "v.parquet", keys, np.random.default_rng(6).normal(size=(len(keys), 4)).astype(np.float32)
    )
    list(bring(where, tmp_path / "v.parquet", "theirs"))
    assert [(each.width, each.pictures) for each in embedded(where)] == [(4, len(keys))]
