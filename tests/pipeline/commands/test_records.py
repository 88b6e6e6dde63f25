"""`biomill records`: a release becomes records and rejects, and no row is lost."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests.recipe import SourceSpec
from pipeline.commands.cli import main
from pipeline.commands.records import write_records
from pipeline.demo import Corpus
from pipeline.model.records import RECORD_SCHEMA, SCHEMA_VERSION

KINDS = {
    "gbif-dwca": ("gbif/*.zip", {}),
    "eol": ("eol/media_manifest.tgz", {"hierarchy": "eol/dynamic_hierarchy.zip"}),
    "bioscan5m": ("bioscan/*.csv", {"media": "bioscan"}),
    "fathomnet": ("fathomnet/*.json", {"license": "CC-BY-NC-ND-4.0"}),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_row_of_a_release_is_a_record_a_reject_or_part_of_one(
    kind: str, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern, options = KINDS[kind]
    (path,) = sorted(corpus.folder.glob(pattern))
    arguments = [text for name, value in options.items() for text in (f"--{name}", _there(corpus, value))]
    assert main(["records", str(path), "--kind", kind, "-o", str(tmp_path / "out"), *arguments]) == 0
    said = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    records, rejects = (pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("records", "rejects"))
    assert int(said["rows"]) == records.num_rows + rejects.num_rows + int(said["absorbed"])
    assert records.num_rows > 50
    assert records.schema.equals(RECORD_SCHEMA)
    assert records.schema.metadata[b"schema_version"].decode() == SCHEMA_VERSION
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["records.parquet", "rejects.parquet"]
    assert records.column("name_id").null_count == 0
    share = set(records.column("may_share").to_pylist())
    assert share == {False} if kind == "fathomnet" else True in share
    for row in rejects.to_pylist():
        assert row["code"] == row["code"].upper()
        assert row["file"]
        assert row["row"] >= 1
        assert (row["raw"] is not None) == (row["outcome"] == "malformed_row")


def _there(corpus: Corpus, value: str) -> str:
    return str(corpus.folder / value) if (corpus.folder / value).exists() else value


def test_rejects_say_where_and_what(corpus: Corpus, tmp_path: Path) -> None:
    (path,) = sorted(corpus.folder.glob("gbif/*.zip"))
    written = write_records(SourceSpec("s", "gbif-dwca", str(path), release="r"), tmp_path)
    rejects = pq.read_table(tmp_path / "rejects.parquet").to_pylist()
    (broken,) = [row for row in rejects if row["outcome"] == "malformed_row"]
    assert (broken["code"], broken["source"], broken["release"]) == ("RAGGED_SHORT", "s", "r")
    assert broken["file"].endswith("multimedia.txt")
    assert broken["byte_offset"] > 0
    assert 0 < len(broken["raw"].encode()) <= 2048
    assert {code for code, _, _ in written.codes} == {row["code"] for row in rejects}
    again = write_records(SourceSpec("s", "gbif-dwca", str(path), release="r"), tmp_path / "again")
    assert again == written
    for name in ("records.parquet", "rejects.parquet"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_release_that_cannot_be_read_is_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["records", str(tmp_path / "absent.zip"), "--kind", "gbif-dwca", "-o", str(out)]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert sorted(out.glob("*")) == []
