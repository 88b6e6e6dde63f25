"""Names of files at an address answer as those of a disk do, wherever the pipeline asks them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.errors import StorageError
from pipeline.storage import database as sql
from pipeline.storage.blobs import Blobs
from pipeline.storage.files.atomic import atomic_path, read_json, sweep, table_writer, write_json, write_table
from pipeline.storage.parquet_files import parquet_file, read_schema, read_table, row_count
from pipeline.storage.places import Place, RemotePath, address_of, place, remove_tree, size_of

FILES = ("a.txt", "ingest/_done.json", "ingest/records/b.parquet", "ingest/records/a.parquet", "ingest/x/y/z.parquet")


def filled(root: Place) -> Place:
    for name in FILES:
        write_json(root / name, name)
    return root


def below(root: Place, found: object) -> list[str]:
    assert isinstance(found, list)
    return sorted(PurePosixPath(str(path)).relative_to(str(root)).as_posix() for path in found)


def test_every_kind_of_place_lists_the_same(root: Place) -> None:
    filled(root)
    assert below(root, list(root.glob("*.txt"))) == ["a.txt"]
    assert below(root, list(root.glob("ingest/records/*.parquet"))) == [FILES[3], FILES[2]]
    assert below(root, list(root.glob("*/_done.json"))) == [FILES[1]]
    assert below(root, list(root.glob("ingest/*.parquet"))) == below(root, list(root.glob("none/*"))) == []
    assert below(root, list((root / "ingest").rglob("*.parquet"))) == [FILES[3], FILES[2], FILES[4]]
    assert sorted(path.name for path in root.iterdir()) == ["a.txt", "ingest"]
    assert [(root / name).exists() for name in ("a.txt", "ingest", "ingest/rec", "b.txt")] == [True, True, False, False]
    assert [(root / name).is_file() for name in ("a.txt", "ingest")] == [True, False]
    assert [(root / name).is_dir() for name in ("a.txt", "ingest")] == [False, True]
    remove_tree(root / "ingest" / "records")
    remove_tree(root / "ingest" / "records")
    assert below(root, list(root.rglob("*.parquet"))) == [FILES[4]]
    (root / "a.txt").unlink(missing_ok=True)
    (root / "a.txt").unlink(missing_ok=True)
    assert not (root / "a.txt").exists()


def test_every_kind_of_place_names_the_same(root: Place) -> None:
    path = root / "ingest" / "records" / "a.b.parquet"
    assert (path.name, path.stem, path.suffix) == ("a.b.parquet", "a.b", ".parquet")
    assert path == root / "ingest/records/a.b.parquet" and path != root
    assert hash(path) == hash(root / "ingest/records/a.b.parquet")
    assert path.parent.parent == root / "ingest" and root.parent / "run" == root
    assert path.with_suffix(".idx").name == "a.b.idx" and path.with_name("c").parent == path.parent
    assert str(path).endswith("/run/ingest/records/a.b.parquet")
    again = pickle.loads(pickle.dumps(path))
    assert again == path and place(address_of(path)) == path


def test_what_is_not_there_is_missing_as_on_a_disk(root: Place) -> None:
    for read in (Place.__args__[0].read_bytes if isinstance(root, Path) else RemotePath.read_bytes, read_json, size_of):
        with pytest.raises(FileNotFoundError):
            read(root / "absent")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        (root / "absent").open("rb")


def test_a_file_is_whole_or_absent_and_a_failure_leaves_nothing(root: Place) -> None:
    with pytest.raises(ValueError, match="no"), atomic_path(root / "a") as temporary:
        temporary.write_bytes(b"half")
        raise ValueError("no")
    assert not (root / "a").exists()
    with atomic_path(root / "a") as temporary:
        temporary.write_bytes(b"whole")
        assert not (root / "a").exists()
    assert (root / "a").read_bytes() == b"whole" and size_of(root / "a") == 5
    assert sweep(root) == 0


def test_an_address_is_never_taken_for_a_file_of_this_machine(
    address: RemotePath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for use in (lambda: open(address / "a"), lambda: Path(address), lambda: os.stat(address)):  # type: ignore[arg-type, call-overload]  # noqa: PTH116, PTH123, SIM115
        with pytest.raises(TypeError):
            use()
    with pytest.raises(StorageError, match="lost a slash"):
        place(Path(str(address)))
    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=700_000), st.lists(st.tuples(st.integers(0, 800_000), st.integers(0, 400_000)), max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_part_of_a_file_is_read(address: RemotePath, data: bytes, parts: list[tuple[int, int]]) -> None:
    (address / "blobs" / "u.bin").write_bytes(data)
    with (address / "blobs" / "u.bin").open() as file:
        for start, length in parts:
            file.seek(start)
            assert file.read(length) == data[start : start + length]
        assert file.seek(0, 2) == len(data)
    inside = [("u", start, length) for start, length in parts if start + length <= len(data)] * 40
    with Blobs(address / "blobs") as blobs:
        assert list(blobs.each(inside)) == [data[start : start + length] for _, start, length in inside]


def test_tables_are_read_alike(root: Place) -> None:
    folder = root / "media"
    schema = pa.schema([("shard", pa.string()), ("n", pa.int64())])
    write_table(folder / "-schema.parquet", schema.empty_table())
    for name in "ba":
        with table_writer(folder / f"{name}.parquet", schema) as writer:
            for start in range(3):
                writer.write_table(pa.table({"shard": [name] * 2, "n": [start, start + 10]}, schema))
    assert read_table(folder).num_rows == 12 and read_table(folder, ["n"]).column_names == ["n"]
    assert read_table(folder)["shard"].to_pylist() == ["a"] * 6 + ["b"] * 6
    assert read_table(folder, filters=[("shard", "=", "b")])["shard"].to_pylist() == ["b"] * 6
    assert parquet_file(folder / "a.parquet").read_row_group(1)["n"].to_pylist() == [1, 11]
    assert read_schema(folder / "a.parquet") == schema and row_count(folder / "b.parquet") == 6
    with sql.connect(500, root) as con:
        assert sql.scalar(con, f"SELECT sum(n) FROM {sql.parquet(folder)}") == 2 * sum((0, 10, 1, 11, 2, 12))
        sql.copy(con, f"SELECT * FROM {sql.parquet(folder)} ORDER BY ALL", root / "sorted.parquet")
    assert read_table(root / "sorted.parquet", ["n"])["n"].to_pylist() == [0, 1, 2, 10, 11, 12] * 2


def test_a_copied_query_has_the_same_bytes_on_a_disk_and_at_an_address(address: RemotePath, tmp_path: Path) -> None:
    table = pa.table({"n": range(5_000), "s": [f"s{n % 7}" for n in range(5_000)]})
    for root in (tmp_path, address):
        write_table(root / "t" / "a.parquet", table)
        with sql.connect(500, root) as con:
            sql.copy(
                con, f"SELECT s, sum(n) FROM {sql.parquet(root / 't')} GROUP BY s ORDER BY s", root / "out.parquet"
            )
    assert (address / "out.parquet").read_bytes() == (tmp_path / "out.parquet").read_bytes()
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 7
