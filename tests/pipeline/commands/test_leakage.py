"""`biomill leakage` and `biomill dedup`: exit statuses, and the files that they leave."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.commands.cli import main
from tests.pipeline.likeness.pictures import grain, jpeg, lay


def test_check_returns_one_when_an_image_leaks_or_cannot_be_cleared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held, clean = lay(tmp_path / "held", a=grain(1)), lay(tmp_path / "clean", b=grain(2))
    leaking, broken = (
        lay(tmp_path / "leaking", c=jpeg(grain(1), 40)),
        lay(tmp_path / "broken", d=b"no image", e=grain(3)),
    )
    command = ["leakage", "check", "--heldout", str(held), "-o", str(tmp_path / "out"), "--train"]
    assert [main([*command, str(train)]) for train in (clean, leaking, broken)] == [0, 1, 1]
    assert "1 of the 1 held-out images are leaked" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"leaks.parquet", "items.parquet", "leaks.html"}


def test_check_sums_up_what_is_only_for_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = grain(1, (400, 300))
    held = lay(tmp_path / "held", a=picture)
    train = lay(tmp_path / "train", crop=picture.crop((12, 9, 388, 291)), other=grain(2))
    command = ["leakage", "check", "--heldout", str(held), "--train", str(train), "-o", str(tmp_path / "out")]
    assert main(command) == 1
    said = capsys.readouterr().out
    assert "leak_pair" in said and "0 training images are only for review" in said
    assert main([*command, "--leak-pair-phash", "-1"]) == 0
    said = capsys.readouterr().out
    assert "1 training images are only for review" in said and "leaks.parquet" in said
    assert "leak_pair" not in said
    (row,) = pq.read_table(tmp_path / "out" / "leaks.parquet").to_pylist()
    assert (row["train"], row["decision"]) == ("crop.jpg", "review")
    assert main([*command, "--leak-pair-phash", "-1", "--review-pdq", "-1"]) == 0
    assert "for review" not in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--leak-pair-phash", "40"])
    assert "-1 to 31" in capsys.readouterr().err


def test_a_hash_list_names_what_it_does_not_cover(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path / "held", a=grain(1), broken=jpeg(grain(1))[:700])
    assert main(["leakage", "hash", str(tmp_path / "held"), "-o", str(tmp_path / "set.parquet")]) == 0
    said = capsys.readouterr().out
    assert "not hashed  broken.jpg: truncated" in said
    assert "2 images, 1 hashed" in said
    assert "thumbnail" not in pq.read_schema(tmp_path / "set.parquet").names


def test_dedup_gives_the_same_files_twice(tmp_path: Path) -> None:
    lay(tmp_path / "in", a=grain(1), b=jpeg(grain(1), 40), c=grain(2))
    (tmp_path / "labels.csv").write_text("item,label\na.jpg,moth\nb.jpg,butterfly\n")
    written = []
    for name in ("one", "two"):
        out = tmp_path / name
        assert main(["dedup", str(tmp_path / "in"), "-o", str(out), "--labels", str(tmp_path / "labels.csv")]) == 0
        written.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})
    assert written[0] == written[1]
    conflicts = [row["item"] for row in pq.read_table(tmp_path / "one" / "dropped.parquet").to_pylist()]
    assert conflicts == ["a.jpg", "b.jpg"]


def test_a_copy_that_was_written_on_stays_and_is_listed_for_review(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marked = grain(1)
    marked.paste((255, 255, 255), (60, 80, 180, 88))
    lay(tmp_path / "in", a=grain(1), b=marked, c=grain(2))
    assert main(["dedup", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--review", "60"]) == 0
    assert "1 pairs of kept images within 60 to look at" in capsys.readouterr().out
    (row,) = pq.read_table(tmp_path / "out" / "review.parquet").to_pylist()
    assert (row["left"], row["right"]) == ("a.jpg", "b.jpg")
    assert row["residual"] > 6
    assert (tmp_path / "out" / "review.html").exists()


def test_taxa_returns_one_when_a_held_out_species_is_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "held.txt").write_text("Accipiter nisus granti\nPuma concolor\n")
    (tmp_path / "train.csv").write_text("id,name\n1,Accipiter nisus\n")
    command = ["leakage", "taxa", "--heldout", str(tmp_path / "held.txt"), "--train", str(tmp_path / "train.csv")]
    assert main(command) == 1
    assert capsys.readouterr().out.splitlines()[0] == "Accipiter nisus granti: trained as Accipiter nisus"
