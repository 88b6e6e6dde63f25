"""From a checkpoint to a report in one command: vectors are made once, sentences are averaged, the log is drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.commands.cli import main
from tests.train.running import command, python

FEW = ("--permutations", "19", "--folds", "2", "--shots", "1")


@pytest.fixture(scope="module")
def model(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "model"
    python(command(drawn, out))
    return out


def test_one_command_goes_from_checkpoint_to_report(
    drawn: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(drawn), "--model", str(model), "--text", "taxon", *FEW, "-o", str(tmp_path / "out")]
    assert main(words) == 0
    assert "480 of 480 pictures" in capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "at step 12</bdi>" in page and "The loss went from" in page and "By zero-shot" in page
    first = (tmp_path / "out" / "evaluation.json").read_bytes()
    (part,) = (tmp_path / "out" / "vectors").glob("pictures-*.parquet")
    before = part.stat().st_mtime_ns
    assert main(words) == 0
    assert "480 of 480 pictures" not in capsys.readouterr().out
    assert part.stat().st_mtime_ns == before
    assert (tmp_path / "out" / "evaluation.json").read_bytes() == first
    assert (tmp_path / "out" / "report.html").read_text() == page
    with_files = ["--embeddings", str(tmp_path / "out" / "vectors"), "--text", "taxon", *FEW]
    assert main(["evaluate", str(drawn), *with_files, "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "evaluation.json").read_bytes() == first


def test_an_interrupted_one_goes_on(drawn: Path, model: Path, tmp_path: Path) -> None:
    words = ["evaluate", str(drawn), "--model", str(model), *FEW, "-o", str(tmp_path / "out")]
    assert main(words) == 0
    page = (tmp_path / "out" / "report.html").read_bytes()
    for path in (tmp_path / "out").glob("*.*"):
        path.unlink()
    for name in ("pictures-00000.parquet", "_done.json"):
        (tmp_path / "out" / "vectors" / name).unlink()
    assert main(words) == 0
    assert (tmp_path / "out" / "report.html").read_bytes() == page


def test_several_sentences_are_averaged_by_class(drawn: Path, model: Path, tmp_path: Path) -> None:
    sentences = ("a photo of {}.", "an old engraving of {}")
    words = ["evaluate", str(drawn), "--model", str(model), "--text", "sci", *FEW, "-o", str(tmp_path / "out")]
    assert main([*words, *(word for each in sentences for word in ("--template", each))]) == 0
    table = pq.read_table(tmp_path / "out" / "vectors" / "templates.parquet")
    captions = table["caption"].to_pylist()
    assert len(captions) == 24 and sum(each.startswith("an old engraving of Genus") for each in captions) == 12
    vectors = np.array(table["vector"].to_pylist(), np.float64).reshape(12, 2, -1)
    means = vectors.mean(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    pictures = pq.read_table(tmp_path / "out" / "vectors" / "pictures-00000.parquet")
    manifest = pq.read_table(drawn / "manifest.parquet")
    taxa = dict(zip(manifest["key"].to_pylist(), manifest["accepted_id"].to_pylist(), strict=True))
    splits = dict(zip(manifest["key"].to_pylist(), manifest["split"].to_pylist(), strict=True))
    nearest = np.argmax(np.array(pictures["vector"].to_pylist(), np.float64) @ means.T, axis=1)
    right = [
        f"t{guess:02d}" == taxa[key]
        for key, guess in zip(pictures["key"].to_pylist(), nearest, strict=True)
        if splits[key] != "train"
    ]
    facts = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    (zero_shot,) = [each for each in facts["classifications"] if each["method"] == "zero_shot"]
    assert zero_shot["parts"][0]["top"][0]["accuracy"] == pytest.approx(np.mean(right), abs=0.011)


def test_beside_shards_alone_the_vectors_are_where_embed_writes_them(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "shards")
    assert main(["evaluate", str(tmp_path / "shards"), "--model", "tiny", "--name", "mine", *FEW]) == 0
    parts = tmp_path / "shards" / "embeddings" / "mine"
    (part,) = parts.glob("pictures-*.parquet")
    before = part.stat().st_mtime_ns
    assert main(["embed", str(tmp_path / "shards"), "--model", "tiny", "--name", "mine"]) == 0
    assert part.stat().st_mtime_ns == before and list(parts.glob("pictures-*.parquet")) == [part]


def test_at_an_address_a_folder_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "memory://nowhere", "--model", "tiny"]) == 2
    assert "there is no place for the vectors" in capsys.readouterr().err


def test_vectors_of_another_model_in_the_folder_are_told_with_what_helps(
    drawn: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(drawn), *FEW, "-o", str(tmp_path / "out"), "--model"]
    assert main([*words, "tiny"]) == 0
    assert main([*words, str(model)]) == 2
    said = capsys.readouterr().err
    assert f"name another folder with -o, or remove {tmp_path / 'out' / 'vectors'}" in said and "--name" not in said


@pytest.mark.parametrize("option", ["--texts", "--traits", "--untrained"])
def test_the_other_files_are_looked_at_before_pictures_are_embedded(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"no table")
    words = ["evaluate", str(drawn), "--model", "tiny", *FEW, "-o", str(tmp_path / "out")]
    assert main([*words, option, str(tmp_path / "bad.parquet")]) == 1
    assert str(tmp_path / "bad.parquet") in capsys.readouterr().err
    assert main([*words, "--train", "nosuch"]) == 1 and main([*words, "--where", "false"]) == 1
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_none_is_said(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(drawn), "--model", "nothing", "-o", str(tmp_path / "out")]) == 2
    assert "there is no model 'nothing'" in capsys.readouterr().err
    words = ["evaluate", str(drawn), "--model", "tiny", "--template", "no place", "-o", str(tmp_path / "out")]
    assert main(words) == 1
    assert "the template is 'no place'" in capsys.readouterr().err
