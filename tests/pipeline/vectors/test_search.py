"""Neighbours against a sort of all exact cosines, of vectors as they are stored."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import biomill
from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.embed import register
from pipeline.evaluate.measures.neighbours import Nearest, block
from pipeline.evaluate.measures.vectors import Vectors
from pipeline.model.errors import EvaluationError, FeedError
from pipeline.storage.places import place
from pipeline.vectors import COLUMNS, Asked, neighbours_of_pictures, neighbours_of_vectors, search, stored_vectors
from tests.conftest import Demo
from tests.pipeline.commands.test_json_documents import document
from tests.pipeline.vectors.drawn_sets import copied, unit, write_set


def alike(rows: int, width: int, seed: int) -> Vectors:
    """Return vectors of which many are equal and others differ in the last bit of one number."""
    random = np.random.default_rng(seed)
    some = unit(max(1, rows // 4), width, seed).astype(np.float16)
    found = some[random.integers(0, len(some), rows)]
    changed = random.random(rows) < 0.3
    column = random.integers(0, width, rows)
    nudged = np.nextafter(found[np.arange(rows), column], np.float16(1))
    found[changed, column[changed]] = nudged[changed]
    return found.astype(np.float32)


def exact(vectors: Vectors) -> np.ndarray:
    """Return 1 - cosine, every sum without rounding."""
    wide = vectors.astype(np.float64)
    squares = (wide * wide).sum(axis=1)
    cosines: np.ndarray = (wide @ wide.T) / np.sqrt(squares[:, None] * squares[None, :])
    return np.asarray(1 - np.minimum(cosines, 1))


def sorted_all(distances: np.ndarray, k: int) -> list[list[int]]:
    return [sorted(range(len(row)), key=lambda place: (row[place], place))[:k] for row in distances]


@settings(max_examples=60)
@given(
    st.integers(2, 90), st.sampled_from([1, 2, 17, 512]), st.integers(1, 12), st.integers(1, 40), st.integers(0, 9**9)
)
def test_the_nearest_are_those_of_a_sort_of_exact_cosines_for_any_blocks(
    rows: int, width: int, k: int, size: int, seed: int
) -> None:
    vectors = alike(rows, width, seed)
    order = np.random.default_rng(seed).permutation(rows)
    found = Nearest(vectors, k, cosine=True)
    for start in range(0, rows, size):
        some = np.sort(order[start : start + size])
        found.add(block(some, vectors[some], cosine=True), some[None, :] == np.arange(rows)[:, None])
    distances = exact(vectors)
    np.fill_diagonal(distances, np.inf)
    expected = np.array(sorted_all(distances, k)).reshape(rows, -1)
    expected = expected[:, : rows - 1]
    kept = min(k, rows - 1)
    assert found.rows[:, :kept].tolist() == expected[:, :kept].tolist()
    assert (found.rows[:, kept:] == -1).all()
    told = 1 - np.minimum(found.scores[:, :kept], 1)
    assert told.tolist() == np.take_along_axis(distances, expected[:, :kept], axis=1).tolist()


def test_a_thousand_equal_vectors_come_in_the_order_of_their_rows() -> None:
    vectors = np.repeat(unit(1, 64).astype(np.float16).astype(np.float32), 1000, axis=0)
    found = Nearest(vectors[:5], 4, cosine=True)
    for start in range(900, -1, -100):  # the last rows first
        found.add(block(np.arange(start, start + 100), vectors[start : start + 100], cosine=True))
    assert found.rows.tolist() == [[0, 1, 2, 3]] * 5
    assert (found.scores == 1).all()


@pytest.fixture(scope="module")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Vectors]:
    out, keys = copied(demo, tmp_path_factory.mktemp("search"))
    vectors = alike(len(keys), 24, 3)
    order = np.random.default_rng(4).permutation(len(keys))
    write_set(out, "model", [keys[row] for row in order], vectors[order])
    write_set(out, "other", keys[:-2], unit(len(keys) - 2, 8))
    register(out)
    return out, keys, vectors


def facts_of(out: Path, column: str) -> list[str | None]:
    with open_catalog(out) as con:
        return [value for (value,) in con.execute(f"SELECT {column} FROM samples ORDER BY key").fetchall()]


@pytest.mark.parametrize("sizes", [(1 << 15, 1 << 10, 1 << 12), (10, 3, 5)])
def test_all_pictures_have_their_nearest_with_taxon_split_and_distance(
    run: tuple[Path, list[str], Vectors], sizes: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, keys, vectors = run
    for where, name, value in (
        (search, "_PASS", sizes[0]),
        (search, "QUERIES", sizes[1]),
        (stored_vectors, "BASE", sizes[2]),
    ):
        monkeypatch.setattr(where, name, value)
    found = biomill.open_run(out).neighbours(k=3)
    assert found.schema == COLUMNS
    distances = exact(vectors)
    np.fill_diagonal(distances, np.inf)
    expected = sorted_all(distances, 3)
    rows = found.to_pylist()
    assert [(row["key"], row["rank"], row["neighbour"], row["distance"]) for row in rows] == [
        (keys[one], rank + 1, keys[other], distances[one, other])
        for one, others in enumerate(expected)
        for rank, other in enumerate(others)
    ]
    for column in ("accepted_id", "accepted_name", "split"):
        told = dict(zip(keys, facts_of(out, column), strict=True))
        assert all(row[column] == told[row["key"]] for row in rows)
        assert all(row[f"neighbour_{column}"] == told[row["neighbour"]] for row in rows)


def test_other_groups_splits_and_distances_narrow_the_answer(run: tuple[Path, list[str], Vectors]) -> None:
    out, keys, vectors = run
    splits, groups = facts_of(out, "split::VARCHAR"), facts_of(out, "group_id::VARCHAR")
    assert len(set(splits)) > 1
    distances = exact(vectors)
    near = float(np.quantile(distances, 0.2))
    asked = Asked(5, split=str(splits[0]), among=str(splits[-1]), other_groups=True, within=near)
    found = [row for table in neighbours_of_pictures(out, "model", asked) for row in table.to_pylist()]
    expected = []
    for one, row in enumerate(distances):
        if splits[one] != splits[0]:
            continue
        same = [other == one or groups[other] == (groups[one] or "") for other in range(len(keys))]
        others = [other for other in range(len(keys)) if splits[other] == splits[-1] and not same[other]]
        ranked = sorted(others, key=lambda other: (row[other], other))[:5]
        expected += [(keys[one], keys[other]) for other in ranked if row[other] <= near]
    assert expected
    assert [(row["key"], row["neighbour"]) for row in found] == expected
    assert not any(row["same_group"] for row in found)
    assert {row["neighbour_split"] for row in found} == {splits[-1]}


def test_groups_are_kept_apart_and_pictures_without_one_are_not(
    run: tuple[Path, list[str], Vectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, keys, vectors = run
    from pipeline.vectors.neighbour_question import read_samples

    def grouped(where: Path) -> object:
        samples = read_samples(where)
        return type(samples)(samples.table, np.arange(len(samples)) // 9)

    monkeypatch.setattr(search, "read_samples", grouped)
    found = [row for t in neighbours_of_pictures(out, "model", Asked(4, other_groups=True)) for row in t.to_pylist()]
    distances = exact(vectors)
    number = np.arange(len(keys)) // 9
    distances[number[:, None] == number[None, :]] = np.inf
    expected = sorted_all(distances, 4)
    assert [row["neighbour"] for row in found] == [keys[other] for others in expected for other in others]
    with_own = [row for t in neighbours_of_pictures(out, "model", Asked(9)) for row in t.to_pylist()]
    assert any(row["same_group"] for row in with_own)


def test_a_few_pictures_are_asked_for_by_key_and_by_condition(run: tuple[Path, list[str], Vectors]) -> None:
    out, keys, _ = run
    opened = biomill.open_run(out)
    everything = opened.neighbours(k=2).to_pylist()
    some = opened.neighbours(k=2, keys=[keys[9], keys[4]]).to_pylist()
    assert some == [row for row in everything if row["key"] in (keys[4], keys[9])]
    names = facts_of(out, "accepted_name")
    chosen = opened.neighbours(k=2, where=f"accepted_name = '{names[0]}'").to_pylist()
    assert chosen == [row for row in everything if row["accepted_name"] == names[0]]
    assert opened.neighbours(k=2, where=f"SELECT '{keys[7]}' AS key").to_pylist() == everything[14:16]
    assert opened.neighbours(k=10**6, keys=[keys[0]]).num_rows == len(keys) - 1


def test_pictures_without_a_vector_are_left_out_unless_they_are_named(run: tuple[Path, list[str], Vectors]) -> None:
    out, keys, _ = run
    found = biomill.open_run(out).neighbours("other", k=1)
    assert set(found["key"].to_pylist()) == set(keys[:-2])
    with pytest.raises(EvaluationError, match="has no vector in the set 'other'"):
        biomill.open_run(out).neighbours("other", keys=[keys[-1]])


def test_a_vector_of_a_picture_finds_it(run: tuple[Path, list[str], Vectors]) -> None:
    out, keys, vectors = run
    found = neighbours_of_vectors(out, "model", ["mine"], vectors[5:6], Asked(1)).to_pylist()
    equal = [key for key, other in zip(keys, vectors, strict=True) if (other == vectors[5]).all()]
    assert [(row["key"], row["neighbour"], row["distance"]) for row in found] == [("mine", equal[0], 0.0)]
    assert found[0]["accepted_id"] is None and found[0]["same_group"] is None
    with pytest.raises(EvaluationError, match="24, as the set 'model'"):
        neighbours_of_vectors(out, "model", ["mine"], vectors[:1, :9], Asked(1))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(0), "0 neighbours"),
        (Asked(within=2.5), "the distance is 2.5"),
        (Asked(within=float("nan")), "the distance is nan"),
        (Asked(library="annoy"), "no library 'annoy'"),
        (Asked(split="tran"), "no split 'tran'"),
        (Asked(among="tset"), "no split 'tset'"),
        (Asked(keys=("x",)), "no picture 'x'"),
        (Asked(where="nothing = 3"), "cannot be answered"),
        (Asked(where="SELECT 3 AS number"), "cannot be answered"),
        (Asked(where="false"), "no picture is asked for"),
    ],
)
def test_what_cannot_be_is_refused(run: tuple[Path, list[str], Vectors], asked: Asked, said: str) -> None:
    with pytest.raises((EvaluationError, FeedError), match=said):
        list(neighbours_of_pictures(run[0], "model", asked))


def test_none_found_is_told_from_none_searched(
    run: tuple[Path, list[str], Vectors], capsys: pytest.CaptureFixture[str]
) -> None:
    out, keys, _ = run
    splits = np.array(facts_of(out, "split::VARCHAR"))
    val = [key for key, split in zip(keys, splits, strict=True) if split == "val"]
    assert 0 < len(val) < len(keys)
    write_set(out, "vonly", val, np.eye(len(val), len(val) + 1, dtype=np.float32))
    others = len(keys) - len(val)
    for words in (["--split", "train"], ["--among", "train"], ["--where", "split = 'train'"]):
        assert main(["neighbours", str(out), "--name", "vonly", *words]) != 0
        assert f"{int((splits == 'train').sum())} pictures" in (said := capsys.readouterr().err)
        assert "have no vector in the set 'vonly'" in said
    assert main(["neighbours", str(out), "--name", "vonly", "--within", "0"]) == 0
    said = capsys.readouterr().out
    assert "0 neighbours of 0 pictures" in said
    assert f"asked of {len(val)} pictures, among {len(val)}; {others} that were asked for have no vector" in said
    told = document(capsys, "neighbours", str(out), "--name", "vonly", "--within", "0", "--among", "val")
    assert (told["asked"], told["without"], told["among"], told["rows"]) == (len(val), others, len(val), 0)


def test_more_neighbours_than_there_are_pictures_cost_no_memory(run: tuple[Path, list[str], Vectors]) -> None:
    out, keys, _ = run
    found = biomill.open_run(out).neighbours(k=10**12)
    assert found.num_rows == len(keys) * (len(keys) - 1)
    assert found.to_pylist() == biomill.open_run(out).neighbours(k=len(keys) - 1).to_pylist()


@pytest.mark.parametrize("record", ["{", "[]", "{}", '{"model": "m", "width": null, "pictures": 1, "digest": ""}'])
def test_a_broken_record_is_of_its_own_set_alone(run: tuple[Path, list[str], Vectors], record: str) -> None:
    out, keys, _ = run
    folder = out / "embeddings" / "badjson"
    folder.mkdir(exist_ok=True)
    (folder / "_done.json").write_text(record)
    assert biomill.open_run(out).neighbours(k=1).num_rows == len(keys)
    with pytest.raises(FeedError, match="record of the set of vectors 'badjson' cannot be read"):
        biomill.open_run(out).neighbours("badjson")
    with pytest.raises(EvaluationError, match="one of model, other"):
        biomill.open_run(out).neighbours("nothing")
    shutil.rmtree(folder)


def test_a_part_that_cannot_be_read_is_named(demo: Demo, tmp_path: Path) -> None:
    out, keys = copied(demo, tmp_path)
    folder = write_set(out, "model", keys, unit(len(keys), 4))
    part = folder / "pictures-00000.parquet"
    whole = part.read_bytes()
    pages = bytearray(whole)
    pages[4 : len(pages) // 2] = bytes(len(pages) // 2 - 4)  # the footer is whole
    for content in (whole[: len(whole) // 2], b"", bytes(pages)):
        part.write_bytes(content)
        with pytest.raises(EvaluationError, match="cannot be read") as error:
            list(neighbours_of_pictures(out, "model", Asked()))
        assert str(part) in str(error.value)
    pq.write_table(pq.read_table(folder / "pictures-00001.parquet").drop_columns(["vector"]), part)
    with pytest.raises(EvaluationError):
        list(neighbours_of_pictures(out, "model", Asked()))


def test_sets_that_are_not_whole_are_refused(demo: Demo, tmp_path: Path) -> None:
    out, keys = copied(demo, tmp_path)
    with pytest.raises(EvaluationError, match="no finished set of vectors 'model'"):
        list(neighbours_of_pictures(out, "model", Asked()))
    folder = write_set(out, "model", keys, unit(len(keys), 4))
    with pytest.raises(EvaluationError, match="did you mean 'model'"):
        list(neighbours_of_pictures(out, "modle", Asked()))
    (folder / "pictures-00001.parquet").rename(tmp_path / "gone")
    with pytest.raises(EvaluationError, match="not what was written"):
        list(neighbours_of_pictures(out, "model", Asked()))
    write_set(out, "strange", [*keys[:-1], "no picture"], unit(len(keys), 4))
    with pytest.raises(EvaluationError, match="1 vectors are of no picture"):
        list(neighbours_of_pictures(out, "strange", Asked()))
    write_set(out, "twice", [*keys[:-1], keys[0]], unit(len(keys), 4))
    with pytest.raises(EvaluationError, match="not what was written"):
        list(neighbours_of_pictures(out, "twice", Asked()))


def test_the_command_prints_writes_and_documents_the_same(
    run: tuple[Path, list[str], Vectors], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, keys, _ = run
    everything = biomill.open_run(out).neighbours(k=2)
    path = tmp_path / "near.parquet"
    assert main(["neighbours", str(out), "--k", "2", "-o", str(path)]) == 0
    said = capsys.readouterr().out
    assert pq.read_table(path).to_pylist() == everything.to_pylist()
    assert f"{2 * len(keys)} neighbours of {len(keys)} pictures: {path}" in said
    assert said.count("\n  ") == 40
    told_of = document(capsys, "neighbours", str(out), "--k", "2", "--key", keys[3])
    assert told_of["neighbours"] == everything.slice(6, 2).to_pylist()
    assert (told_of["pictures"], told_of["rows"], told_of["set"]) == (1, 2, "model")
    for words, told in (
        (["--image", "x.jpg"], "needs --model"),
        (["--image", "x.jpg", "--model", "tiny", "--key", "a"], "stands beside --key"),
        (["--model", "tiny"], "is for --image"),
    ):
        assert main(["neighbours", str(out), *words]) == 2
        assert told in capsys.readouterr().err


def test_shards_alone_and_at_an_address_are_searched(demo: Demo, tmp_path: Path) -> None:
    out, keys = copied(demo, tmp_path)
    write_set(out, "model", keys, alike(len(keys), 8, 1))
    told = [(row["key"], row["neighbour"], row["split"]) for row in biomill.open_run(out).neighbours(k=2).to_pylist()]
    where = place("memory://searched/run")
    for path in [*out.glob("shards/*.parquet"), *out.glob("embeddings/*/*")]:
        (where / str(path.relative_to(out))).write_bytes(path.read_bytes())
    (out / "catalog.duckdb").unlink()
    for each in (out, where):
        found = [row for table in neighbours_of_pictures(each, "model", Asked(2)) for row in table.to_pylist()]
        assert [(row["key"], row["neighbour"], row["split"]) for row in found] == told
        # The columns of the manifest answer a condition, as they do for `embed` and `evaluate`.
        chosen = Asked(2, where=f"key <= '{keys[3]}'")
        found = [row for table in neighbours_of_pictures(each, "model", chosen) for row in table.to_pylist()]
        assert [(row["key"], row["neighbour"], row["split"]) for row in found] == told[:8]
        with pytest.raises(FeedError, match="cannot be answered"):
            list(neighbours_of_pictures(each, "model", Asked(where="nothing = 3")))
