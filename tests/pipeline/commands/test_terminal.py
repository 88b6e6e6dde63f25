"""What records say reaches a terminal as text: no escape sequence, no forged line, no turned direction."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.cli import main
from pipeline.model.text_table import table_lines
from pipeline.model.visible import on_one_line, visible

STEERING = "\x1b[2J\x9b1m\x07\r\u202e\u2066\u200b\u2028\ufeff\U000e0041"
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
SIGNS = {
    chr(c)
    for c in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440))
}
"""Of category Cf, and seen: number signs of Arabic, Syriac and Kaithi, joiners of Egyptian hieroglyphs."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text())
def test_no_unseen_character_is_left_and_all_others_are(text: str) -> None:
    for shown, kept in ((visible(text), "\n\t"), (on_one_line(text), "")):
        left = {c for c in shown if unicodedata.category(c) in UNSEEN and c not in kept}
        assert left <= SIGNS
    plain = "".join(c for c in text if unicodedata.category(c) not in (*UNSEEN, "Mn", "Cn", "Lo"))
    assert visible(plain) == plain == on_one_line(plain)


@given(st.dictionaries(st.text(), st.text()))
def test_json_says_the_same_afterwards(value: dict[str, str]) -> None:
    assert json.loads(visible(json.dumps(value, ensure_ascii=False))) == value
    assert json.loads(visible(json.dumps(value, ensure_ascii=False, indent=1))) == value


def test_a_table_keeps_one_line_a_row() -> None:
    lines = list(table_lines(["a", "b"], [[f"x\n{STEERING}", 1], ["y", 2]]))
    assert len(lines) == 3
    assert "\\n\\u001b[2J\\u009b1m" in lines[1]


def hostile_release(path: Path) -> Path:
    meta = """<archive><core rowType="x/Occurrence" fieldsTerminatedBy="," ignoreHeaderLines="0"><files>
        <location>o.csv</location></files><id index="0"/><field index="1" term="x/license"/></core></archive>"""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.xml", meta)
        archive.writestr("o.csv", f"1,{STEERING}\n2,\u001b]0;owned\u0007\n3,a,b\n")
        archive.writestr("\x1b[31m.evil/x\u202e", "")
    return path


def test_inspection_of_a_hostile_release_prints_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = hostile_release(tmp_path / "\x1b[2J\x9b.zip")
    assert main(["inspect", str(path)]) == 0
    told = capsys.readouterr().out
    assert [c for c in told if unicodedata.category(c) in UNSEEN and c != "\n"] == []
    assert "\\u001b" in told
    assert main(["inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["core_rows"] == 3


def test_errors_print_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../\x1b[2J\x9b.txt", "")
    assert main(["inspect", str(path)]) == 1
    assert main(["inspect", f"{tmp_path}/\x1b[2J"]) == 1
    told = capsys.readouterr().err
    assert [c for c in told if unicodedata.category(c) in UNSEEN and c != "\n"] == []
    assert "\\u001b[2J" in told


def test_a_csv_is_whole_in_a_pipe_and_safe_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "a.txt"
    table.write_text(f"CC0 {STEERING.replace(chr(13), '')}\n")
    assert main(["licences", str(table)]) == 0
    assert "\x1b[2J\x9b1m" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    assert main(["licences", str(table)]) == 0
    assert "\\u001b[2J\\u009b1m" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()
