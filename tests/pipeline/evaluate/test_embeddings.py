"""Embeddings, texts and traits brought as Parquet: every layout that is read, and every fault with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.evaluate.embeddings import read_embeddings, read_vectors, write_embeddings
from pipeline.evaluate.labelled import labelled
from pipeline.evaluate.text_vectors import read_text_vectors, text_vectors
from pipeline.evaluate.traits import read_traits
from pipeline.model.errors import EvaluationError
from pipeline.shards import captions
from tests.pipeline.evaluate.conftest import Drawn

KEYS = [f"k{number}" for number in range(5)]
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3)


def written(path: Path, keys: list[str | None], vectors: pa.Array, **names: str) -> Path:
    columns = [names.get("key", "key"), names.get("vector", "vector")]
    pq.write_table(pa.table([pa.array(keys, pa.string()), vectors], columns), path)
    return path


def lists(rows: Sequence[object], kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(rows, kind or pa.list_(pa.float32()))


@pytest.mark.parametrize("value", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("layout", ["fixed", "list", "large"])
def test_vectors_are_read_in_the_order_of_the_keys_whatever_their_layout(
    tmp_path: Path, value: pa.DataType, layout: str
) -> None:
    order = [3, 0, 4, 1, 2]
    flat = pa.array(VECTORS[order].ravel()).cast(value)
    ends = np.arange(0, 18, 3)
    vectors = {
        "fixed": lambda: pa.FixedSizeListArray.from_arrays(flat, 3),
        "list": lambda: pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat),
        "large": lambda: pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), flat),
    }[layout]()
    path = written(tmp_path / "e.parquet", [KEYS[place] for place in order], vectors, vector="embedding")
    found = read_embeddings(path, KEYS)
    assert found.vectors.dtype == np.float32
    assert found.vectors.tolist() == VECTORS.tolist()
    assert found.rows.tolist() == [0, 1, 2, 3, 4]


def test_a_file_of_many_batches_is_read_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    keys = [f"{number:06d}" for number in random.permutation(20_000)]
    vectors = np.array([[int(key), 1] for key in keys], np.float32)
    write_embeddings(tmp_path / "e.parquet", keys, vectors)
    assert len(list(read_vectors(tmp_path / "e.parquet", ["key"]))) > 2
    found = read_embeddings(tmp_path / "e.parquet", sorted(keys))
    assert found.vectors[:, 0].tolist() == list(range(20_000))


def refusal(path: Path, keys: list[str] = KEYS, partial: bool = False) -> EvaluationError:
    with pytest.raises(EvaluationError) as error:
        read_embeddings(path, keys, partial)
    return error.value


def test_unknown_and_missing_keys_are_refused_and_counted_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    write_embeddings(path, [*KEYS[:3], "x", "y"], VECTORS)
    error = refusal(path)
    assert "2 pictures of the run have no embedding, and 2 embeddings are of no picture" in error.what
    assert "'k3'" in error.where
    found = read_embeddings(path, KEYS, partial=True)
    assert (found.missing, found.unknown, found.rows.tolist()) == (2, 2, [0, 1, 2])
    assert found.vectors.tolist() == VECTORS[:3].tolist()
    write_embeddings(path, [*KEYS, "x"], np.ones((6, 2), np.float32))
    assert "'x'" in refusal(path).where
    write_embeddings(path, ["x"], np.ones((1, 2), np.float32))
    assert "no row of the embeddings" in refusal(path, partial=True).what


@pytest.mark.parametrize("first", [1, 9_000])
def test_a_doubled_key_is_refused_with_both_rows(tmp_path: Path, first: int) -> None:
    keys = [f"{number:05d}" for number in range(9_500)]
    doubled = [*keys, keys[first]]
    write_embeddings(tmp_path / "e.parquet", doubled, np.ones((len(doubled), 2), np.float16))
    error = refusal(tmp_path / "e.parquet", keys)
    assert error.what == f"the key {keys[first]!r} comes twice"
    assert error.where.endswith(f"rows {first + 1} and 9501")


def test_a_change_of_dimensions_is_refused_with_its_row(tmp_path: Path) -> None:
    for rows in ([[1, 2], [3, 4], [5]], [[1, 2], [3, 4], []]):
        error = refusal(written(tmp_path / "e.parquet", ["k0", "k1", "k2"], lists(rows)), KEYS[:3])
        assert f"a vector has {len(rows[2])} dimensions" in error.what
        assert "row 3, key 'k2'" in error.where
    keys = [f"{number:05d}" for number in range(10_000)]
    late = lists([[1.0, 2.0]] * 9_000 + [[1.0, 2.0, 3.0]] * 1_000)
    assert "row 9001" in refusal(written(tmp_path / "e.parquet", list(keys), late), keys).where
    assert "0 dimensions" in refusal(written(tmp_path / "e.parquet", ["k0"], lists([[]])), KEYS[:1]).what


def test_nulls_are_refused_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    cases: list[tuple[list[str | None], pa.Array, str, str]] = [
        (["k0", None], lists([[1.0], [2.0]]), "column 'key' is null", "row 2"),
        (["k0", "k1"], lists([[1.0], None]), "column 'vector' is null", "row 2"),
        (["k0", "k1"], lists([[1.0, 2.0], [3.0, None]]), "a value that is null", "row 2, key 'k1'"),
        (["k0", "k1"], lists([[1.0, 2.0], [None, 3.0]], pa.list_(pa.float16(), 2)), "a value that is null", "row 2"),
    ]
    for keys, vectors, what, where in cases:
        error = refusal(written(path, keys, vectors), KEYS[:2])
        assert what in error.what
        assert where in error.where
    fixed = written(path, ["k0", "k1"], lists([[1.0], None], pa.list_(pa.float32(), 1)))
    assert "cannot be read" in refusal(fixed, KEYS[:2]).what  # Arrow itself does not read these


def test_files_that_are_no_such_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    assert "cannot be read" in refusal(tmp_path / "absent.parquet").what
    path.write_bytes(b"key,vector\n1,2\n")
    assert "cannot be read" in refusal(path).what
    write_embeddings(path, KEYS, VECTORS)
    path.write_bytes(path.read_bytes()[:-40])
    assert "cannot be read" in refusal(path).what
    assert "no column of keys" in refusal(written(path, list(KEYS), lists([[1.0]] * 5), key="name")).what
    assert "no column of vectors" in refusal(written(path, list(KEYS), lists([[1.0]] * 5), vector="v")).what
    assert "the vectors are string" in refusal(written(path, list(KEYS), pa.array(["x"] * 5))).what
    assert "the vectors are list<" in refusal(written(path, list(KEYS), lists([[1]] * 5, pa.list_(pa.int32())))).what
    assert "no rows" in refusal(written(path, [], lists([]))).what


def test_texts_by_taxon_are_averaged_over_templates(drawn: Drawn, tmp_path: Path) -> None:
    classes = drawn.pictures.classes
    axes = np.eye(48, dtype=np.float32)
    both = np.concatenate([5 * axes[:36], axes[1:37]])
    write_embeddings(tmp_path / "t.parquet", [*classes, *classes], both, key="accepted_id")
    found = read_text_vectors(tmp_path / "t.parquet", drawn.pictures)
    assert (found.templates, found.unknown, found.classes.tolist()) == (2, 0, list(range(36)))
    assert found.vectors[3, 3:5] == pytest.approx([2**-0.5] * 2, abs=1e-6)


def test_texts_by_caption_are_of_the_classes_that_have_it(drawn: Drawn, tmp_path: Path) -> None:
    pictures = drawn.pictures
    texts = [captions(ranks, name or None) for ranks, name in zip(pictures.ranks, pictures.vernaculars, strict=True)]
    for kind in ("taxon_com", "sci", "com"):
        write_embeddings(tmp_path / "t.parquet", [getattr(each, kind) for each in texts], drawn.texts, key="caption")
        found = read_text_vectors(tmp_path / "t.parquet", pictures)
        assert found.vectors == pytest.approx(text_vectors(np.arange(36), drawn.texts).vectors, abs=1e-6)


def test_texts_that_do_not_fit_are_refused(drawn: Drawn, tmp_path: Path) -> None:
    path, classes = tmp_path / "t.parquet", list(drawn.pictures.classes)
    write_embeddings(path, classes[:-2], drawn.texts[:-2], key="accepted_id")
    with pytest.raises(EvaluationError, match="2 classes with pictures have no text"):
        read_text_vectors(path, drawn.pictures, partial=True)
    write_embeddings(path, [*classes, "t99"], np.concatenate([drawn.texts, drawn.texts[:1]]), key="accepted_id")
    with pytest.raises(EvaluationError, match="1 texts are of no class"):
        read_text_vectors(path, drawn.pictures)
    assert read_text_vectors(path, drawn.pictures, partial=True).unknown == 1
    with pytest.raises(EvaluationError, match="3 classes, of which 2 differ"):
        text_vectors(np.array([0, 0, 1]), np.ones((3, 2)))


def test_traits_are_read_by_taxon_and_those_that_lack_one_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "traits.parquet"
    table = pa.table(
        {"accepted_id": ["b", "a", "c", "x", None], "mass": [2, 1, 3, 9, 9], "wing": [0.2, 0.1, None, 0.9, 0.9],
         "song": ["x"] * 5}
    )  # fmt: skip
    pq.write_table(table, path)
    found = read_traits(path, ("a", "b", "c"))
    assert (found.names, found.classes.tolist(), found.values.tolist()) == (
        ("mass", "wing"),
        [0, 1],
        [[1.0, 0.1], [2.0, 0.2]],
    )
    for bad, what in (
        (table.drop_columns(["mass", "wing"]), "no trait"),
        (table.rename_columns(["id", "mass", "wing", "song"]), "no column of taxa"),
        (pa.concat_tables([table, table]), "comes twice"),
        (table.filter(pa.array([False, False, True, True, True])), "no class has all traits"),
    ):
        pq.write_table(bad, path)
        with pytest.raises(EvaluationError, match=what):
            read_traits(path, ("a", "b", "c"))


def test_pictures_that_cannot_be_labelled_are_refused(drawn: Drawn) -> None:
    table = drawn.table
    for bad, what in (
        (table.drop_columns(["key"]), "no column 'key'"),
        (table.slice(0, 0), "no pictures"),
        (pa.concat_tables([table, table.slice(0, 1)]), "comes twice"),
        (table.set_column(2, "accepted_id", pa.nulls(len(table), pa.string())), "have no accepted_id"),
        (table.set_column(2, "accepted_id", pa.array(["t"] * len(table))), "two lineages"),
    ):
        with pytest.raises(EvaluationError, match=what):
            labelled(bad)


def test_pictures_do_not_depend_on_the_order_of_rows(drawn: Drawn) -> None:
    order = np.random.default_rng(0).permutation(len(drawn.table))
    assert labelled(drawn.table.take(pa.array(order))).keys == drawn.pictures.keys
    again = labelled(drawn.table.take(pa.array(order)))
    assert again.labels.tolist() == drawn.pictures.labels.tolist()
    assert (again.columns, again.classes, again.ranks) == (
        drawn.pictures.columns,
        drawn.pictures.classes,
        drawn.pictures.ranks,
    )
    taken = again.take(np.array([5, 2]))
    assert taken.keys == (again.keys[5], again.keys[2])
    assert taken.columns["split"] == (again.columns["split"][5], again.columns["split"][2])
