from __future__ import annotations

import tomllib
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.demo import generate_records
from pipeline.demo.bulk import occurrences_for
from pipeline.demo.species import default_taxa


def tables(folder: Path) -> dict[str, list[list[str]]]:
    (path,) = folder.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = ("occurrence.txt", "multimedia.txt")
        return {name: [line.split("\t") for line in archive.read(name).decode().split("\n")[:-1]] for name in names}


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 10, 17, 18, 1000])
def test_there_are_exactly_n_media_rows_and_every_occurrence_has_one(n: int, tmp_path: Path) -> None:
    generate_records(tmp_path, n)
    found = tables(tmp_path)
    occurrences = {row[0] for row in found["occurrence.txt"][1:]}
    assert len(found["multimedia.txt"]) - 1 == n
    assert {row[0] for row in found["multimedia.txt"][1:]} == occurrences
    assert len(occurrences) == len(found["occurrence.txt"]) - 1 == occurrences_for(n)
    for rows in found.values():
        assert {len(row) for row in rows} == {len(rows[0])}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9))
def test_one_more_medium_needs_at_most_one_more_occurrence(n: int) -> None:
    assert occurrences_for(n + 1) - occurrences_for(n) in (0, 1)


def test_names_and_licences_are_mixed(tmp_path: Path) -> None:
    generate_records(tmp_path, 20_000)
    found = tables(tmp_path)
    header, *rows = found["occurrence.txt"]
    status, name = header.index("taxonomicStatus"), header.index("scientificName")
    counts = Counter(row[status] for row in rows)
    assert counts["ACCEPTED"] > counts["SYNONYM"] > 0 < counts[""] < 0.05 * len(rows)
    assert len({row[name] for row in rows}) > 500
    known = {f"{taxon['scientificName']} {taxon['scientificNameAuthorship']}".strip() for taxon in default_taxa()}
    assert all((row[name] in known) == (row[status] != "") for row in rows)
    header, *rows = found["multimedia.txt"]
    assert len({row[header.index("license")] for row in rows}) >= 6
    assert len({row[header.index("identifier")] for row in rows}) == 20_000


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    archives = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate_records(tmp_path / name, 3000, seed)
        (path,) = (tmp_path / name).glob("*.zip")
        archives.append(path.read_bytes())
    assert archives[0] == archives[1] != archives[2]


def test_the_recipe_names_the_archive(tmp_path: Path) -> None:
    recipe = generate_records(tmp_path, 10)
    source = tomllib.loads(recipe.read_text("utf-8"))["sources"][0]
    assert (tmp_path / source["path"]).is_file() and source["kind"] == "gbif-dwca"


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    peaks = []
    for n in (20_000, 80_000):
        tracemalloc.start()
        generate_records(tmp_path / str(n), n)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
