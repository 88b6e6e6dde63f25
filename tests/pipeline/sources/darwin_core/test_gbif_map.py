"""GBIF's records: which data set one came from, which licence it inherits, and what its taxon keys mean."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.pipeline.sources.conftest import Reader
from tests.pipeline.sources.darwin_core.test_gbif import BY_NC, archive, medium, occurrence


def test_a_record_names_its_data_set_and_inherits_that_licence(tmp_path: Path, read_release: Reader) -> None:
    key = "50c9509d-22c7-4a22-a47d-8c48425ef4a7"
    eml = f'<eml><intellectualRights><ulink url="{BY_NC}"><citetitle>x</citetitle></ulink></intellectualRights></eml>'
    occurrences = [occurrence("1", datasetKey=key.upper(), license=""), occurrence("2", license="")]
    media = [medium(number, f"https://e.org/{number}.jpg") for number in "12"]
    path = archive(tmp_path / "a.zip", occurrences, media)
    with zipfile.ZipFile(path, "a") as out:
        out.writestr(f"dataset/{key}.xml", eml)
    read = read_release("gbif-dwca", path)
    first, second = read.one("1"), read.one("2")
    assert (first["dataset_key"], first["license_family"], first["license_source"]) == (
        key.upper(),
        "CC-BY-NC",
        "dataset",
    )
    assert second["dataset_key"] is None
    assert second["license_source"] != "dataset"


@pytest.mark.parametrize(("key", "expected"), [("2435099", "gbif:2435099"), ("0", None), ("", None)])
def test_a_taxon_key_of_nothing_is_none(tmp_path: Path, read_release: Reader, key: str, expected: str | None) -> None:
    path = archive(tmp_path / "a.zip", [occurrence("1", taxonKey=key)], [medium("1", "https://e.org/a.jpg")])
    assert read_release("gbif-dwca", path).one("1")["taxon_id"] == expected


def test_a_release_is_called_as_the_recipe_says_or_as_its_file(tmp_path: Path, read_release: Reader) -> None:
    path = archive(tmp_path / "pumas.zip", [occurrence("1")], [medium("1", "https://e.org/a.jpg")])
    assert read_release("gbif-dwca", path).release.release == "pumas"
    assert read_release("gbif-dwca", path, release="2020").release.release == "2020"
