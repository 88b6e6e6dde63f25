"""Releases of every provider, named and counted; and the command that tells it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from pipeline.commands.cli import main
from pipeline.inspection import inspect_release
from pipeline.model.errors import SourceError
from tests.pipeline.inspection.conftest import meta, write

EOL = "EOL content ID,EOL page ID,Medium Source URL,EOL Full-Size Copy URL,License Name,Copyright Owner\n"
EOL_ROW = "11,7,https://www.inaturalist.org/photos/5,https://content.eol.org/data/media/aa/x.jpg,cc-by 3.0,A\n"


def test_an_eol_manifest_is_named_with_and_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "media_manifest_1.csv").write_text(EOL + EOL_ROW + "12,7\n")
    (tmp_path / "media_manifest_2.csv").write_text(EOL_ROW.replace("11", "13"))
    with tarfile.open(tmp_path / "media_manifest.tgz", "w:gz") as tar:
        for number in "12":
            tar.add(tmp_path / f"media_manifest_{number}.csv", f"media_manifest_{number}.csv")
    found = inspect_release(tmp_path / "media_manifest.tgz").as_json()
    assert (found["kind"], found["tables"], found["records"], found["ragged"]) == ("eol", {"manifest": 3}, 2, 1)
    assert found["hosts"] == {"content.eol.org": 2}
    assert found["licences"] == {"CC-BY": 2}
    assert found["issue_details"]["RAGGED_SHORT"]["where"] == "media_manifest.tgz!media_manifest_1.csv, row 2"


def test_bioscan_metadata_are_named(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text("processid,split,chunk,species,country\nABC1-1,train,a,Puma concolor,Canada\n,train,a,x,y\n")
    found = inspect_release(path).as_json()
    assert (found["kind"], found["records"], found["outcomes"]) == ("bioscan5m", 1, {"id_missing": 1})


def test_fathomnet_json_is_named(data: Path) -> None:
    found = inspect_release(data / "fathomnet/fgvc2025_dataset_test.json").as_json()
    assert (found["kind"], found["records"], found["issues"]) == ("fathomnet", 788, ["CATEGORY_NULL"])


def test_a_gbif_download_is_told_from_other_archives(data: Path) -> None:
    found = inspect_release(data / "gbif/dwca/0022697-200613084148143.zip").as_json()
    assert (found["kind"], found["release"], found["orphans"]) == ("gbif-dwca", "10.15468/dl.4gbcs6", 1)
    assert found["media_types"] == {"StillImage": 1362}
    assert next(iter(found["hosts"])) == "static.inaturalist.org"


def test_the_command_prints_lines_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = ("core", "Occurrence", "o.txt", "occurrenceID scientificName")
    rows = "occurrenceID\tscientificName\n1\tPuma concolor\n1\tLynx lynx\textra\n\n"
    path = write(tmp_path / "a.zip", meta__xml=meta(core), o__txt=rows)
    assert main(["inspect", str(path)]) == 0
    told = capsys.readouterr().out
    assert "2 core, 0 extension; 0 orphans, 1 ragged, 1 repeated ids, 0 without id" in told
    assert "RAGGED_LONG: 1, such as '1\\tLynx lynx\\textra' (a.zip!o.txt, row 2)" in told
    assert main(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["issues"] == ["BLANK_LAST_LINE", "RAGGED_LONG"]
    assert {"archive", "core_rows", "extension_rows", "ragged", "orphans", "dup_ids", "no_id"} <= set(found)


def test_the_command_fails_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("just,a,table\n1,2,3\n")
    assert main(["inspect", str(tmp_path / "a.csv")]) == 1
    assert "remedy" in capsys.readouterr().err
    with pytest.raises(SourceError, match="does not exist"):
        inspect_release(tmp_path / "absent.zip")
