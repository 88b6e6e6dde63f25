"""What a provider said about a release is believed for that release only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.model.errors import SourceError
from pipeline.sources.release.release_note import ReleaseNote, read_release_note

NOTE = ReleaseNote("gbif", "download", key="0001", doi="10.15468/dl.x", size=12, predicate={"type": "equals"})


def test_a_note_comes_back_as_written_for_its_folder_and_for_its_file(tmp_path: Path) -> None:
    assert NOTE.write(tmp_path) == tmp_path / "release.json"
    assert read_release_note(tmp_path) == NOTE
    assert read_release_note(tmp_path / "0001.zip") == NOTE
    assert read_release_note(tmp_path / "0002.zip") is None


def test_a_release_is_named_by_its_doi_or_else_by_its_key() -> None:
    assert NOTE.name == "10.15468/dl.x"
    assert ReleaseNote("gbif", "download", key="0001").name == "0001"


@pytest.mark.parametrize("text", ["[]", "{}", '"gbif"', '{"provider": 1, "kind": "download"}', '{"version": 3}'])
def test_another_program_s_file_of_that_name_is_none_of_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "release.json").write_text(text)
    assert read_release_note(tmp_path) is None


def test_no_file_is_no_note(tmp_path: Path) -> None:
    assert read_release_note(tmp_path) is None
    (tmp_path / "release.json").mkdir()
    assert read_release_note(tmp_path) is None


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"kind": None}, "kind"),
        ({"size": "12"}, "size"),
        ({"rows": 1.5}, "rows"),
        ({"doi": 7}, "doi"),
        ({"datasets": "x", "key": 1}, "key, datasets|datasets, key"),
    ],
)
def test_a_note_of_ours_that_is_damaged_is_refused_with_what_is_wrong(
    tmp_path: Path, told: dict[str, object], wrong: str
) -> None:
    (tmp_path / "release.json").write_text(json.dumps({"provider": "gbif", "kind": "download"} | told))
    with pytest.raises(SourceError, match=f"no readable ({wrong})$|no readable ({wrong})\\b"):
        read_release_note(tmp_path)


def test_a_note_without_a_kind_or_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "release.json").write_text('{"provider": "gbif"}')
    with pytest.raises(SourceError, match="no readable kind"):
        read_release_note(tmp_path)
    (tmp_path / "release.json").write_text("{")
    with pytest.raises(SourceError, match="no JSON"):
        read_release_note(tmp_path)


def test_members_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "release.json").write_text('{"provider": "gbif", "kind": "search", "predicate": [1], "later": 1}')
    assert read_release_note(tmp_path) == ReleaseNote("gbif", "search", predicate=[1])
