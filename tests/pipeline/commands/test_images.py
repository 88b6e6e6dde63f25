"""`biomill images`: what becomes of files that are already here."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from pipeline.commands.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    here = tmp_path / "pictures"
    (here / "deep").mkdir(parents=True)
    Image.linear_gradient("L").convert("RGB").save(here / "b.jpg", "JPEG")
    Image.linear_gradient("L").save(here / "deep" / "a.png", "PNG")
    (here / "page.jpg").write_text("<html>Log in")
    (here / "empty").touch()
    return here


def test_every_file_has_a_line_and_every_outcome_a_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", str(folder), "--max-bytes", "20000"]) == 0
    table, _, counts = capsys.readouterr().out.partition("\n\n")
    lines = [line.split("\t") for line in table.splitlines()]
    assert [(line[-1], line[0], line[7]) for line in lines[1:]] == [
        ("b.jpg", "stored", "False"),
        ("deep/a.png", "stored", "True"),
        ("empty", "empty", ""),
        ("page.jpg", "not_an_image", ""),
    ]
    assert [line.split() for line in counts.splitlines()] == [
        ["1", "empty"],
        ["1", "not_an_image"],
        ["1", "stored", "JPEG"],
        ["1", "stored", "PNG"],
    ]
    assert main(["images", str(folder), "--max-bytes", "100"]) == 0
    assert "too_large" in capsys.readouterr().out


def test_stored_images_can_be_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "stored"
    assert main(["images", str(folder), "--side", "64", "-o", str(out), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row in rows:
        path = out / f"{row['file']}.jpg"
        assert path.is_file() == (row["outcome"] == "stored")
        if path.is_file():
            assert Image.open(io.BytesIO(path.read_bytes())).size == (64, 64)
            assert len(row["pdq"]) == 64
        else:
            assert row["detail"]


def test_a_missing_path_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", str(tmp_path / "none")]) != 0
    assert "no such file" in capsys.readouterr().err
