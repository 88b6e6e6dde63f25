"""Commands that make something end with status 4 where they made nothing, and with 0 where that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.cli import main
from pipeline.model.exit_status import ExitStatus

SAID = "an empty result is no success: exit status 4"


@pytest.fixture
def junk(tmp_path: Path) -> Path:
    for name in ("train", "held"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.jpg").write_text(f"no picture: {name} {number}")
    (tmp_path / "none").mkdir()
    (tmp_path / "urls.csv").write_text("url\nftp://a.org/1.jpg\nftp://a.org/2.jpg\nhttps://b.org/3.jpg\n")
    (tmp_path / "labels.csv").write_text("url_gcp,image_id,original_label,scientific_name\n,1,empty,\n,2,empty,\n")
    return tmp_path


COMMANDS = {
    "fetch {0}/urls.csv -o {0}/out --hosts a.org": "no image was stored: 2 of 3 rows ended as bad_url",
    "records {0}/labels.csv --kind lila -o {0}/out": "no record came out: most rows end as BLANK",
    "dedup {0}/train -o {0}/out": "no image was kept",
    "leakage hash {0}/train -o {0}/out.parquet": "no image was hashed",
    "leakage check --train {0}/train --heldout {0}/held -o {0}/out": "no training image was hashed",
    "images {0}/none": "there are no files",
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command.split()[:2]).replace("{0}/", ""))
def test_nothing_is_no_success_unless_it_is_meant(command: str, junk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = command.format(junk).split()
    assert main(words) == ExitStatus.NOTHING_KEPT
    said = capsys.readouterr().out
    assert COMMANDS[command] in said and SAID in said
    assert main([*words, "--allow-empty"]) == ExitStatus.DONE
    said = capsys.readouterr().out
    assert COMMANDS[command] in said and SAID not in said


def test_leaks_by_equal_bytes_are_leaks_though_nothing_could_be_hashed(
    junk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = str(junk / "train")
    assert main(["leakage", "check", "--train", train, "--heldout", train, "-o", str(junk / "out")]) == 1
    assert SAID not in capsys.readouterr().out
