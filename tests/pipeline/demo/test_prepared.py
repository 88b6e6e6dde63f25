"""A folder is drawn into once, whole or not at all, and never taken for what it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.demo.prepared import prepare
from pipeline.model.errors import RunError


def test_what_is_there_is_found_again_and_another_demo_is_refused(tmp_path: Path) -> None:
    drawn: list[Path] = []

    def draw(folder: Path) -> None:
        drawn.append(folder)
        folder.mkdir()
        (folder / "picture").write_text(str(len(drawn)))

    for _ in range(2):
        prepare(tmp_path / "corpus", {"seed": 1, "side": 96}, draw)
    assert len(drawn) == 1 and (tmp_path / "corpus" / "picture").read_text() == "1"
    for asked, told in (({"seed": 2, "side": 96}, "seed 2, found 1"), ({"seed": 1}, "the same biota")):
        with pytest.raises(RunError, match=told):
            prepare(tmp_path / "corpus", asked, draw)
    assert (tmp_path / "corpus" / "picture").read_text() == "1"


def test_an_interrupted_drawing_is_begun_anew(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "corpus", {"seed": 1}, interrupted)
    assert not (tmp_path / "corpus").exists()
    prepare(tmp_path / "corpus", {"seed": 1}, lambda folder: folder.mkdir())
    assert sorted(path.name for path in (tmp_path / "corpus").iterdir()) == ["corpus.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
