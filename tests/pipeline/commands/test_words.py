"""The words of the command line: explained, exemplified, never abbreviated, and guessed only when something is near."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.cli import _parser, main
from pipeline.commands.completion import SHELLS
from pipeline.commands.examples import EXAMPLES, leaves
from pipeline.commands.options.arguments import Parser
from pipeline.commands.options.outputs import OUTPUTS

PARSER = _parser()
LEAVES = dict(leaves(PARSER))


def every(parser: Parser) -> list[Parser]:
    return [parser, *(each for child in parser.groups().values() for each in every(child))]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a command line."""
    try:
        status = main(words)
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("words", LEAVES)
def test_every_option_and_argument_is_explained(words: str) -> None:
    for action in LEAVES[words]._actions:
        assert action.help, f"{words}: {action.option_strings or action.dest}"


def test_every_command_and_verb_is_explained_in_its_groups_list() -> None:
    for parser in every(PARSER):
        assert not parser.allow_abbrev
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                explained = {choice.dest for choice in action._choices_actions if choice.help}
                assert explained == set(action.choices), parser.prog


@pytest.mark.parametrize("words", LEAVES)
def test_every_command_has_examples_that_parse(words: str) -> None:
    shown = LEAVES[words].format_help().partition("examples:\n")[2].splitlines()
    assert shown
    for line in shown:
        inner = re.search(r"\$\((.*)\)", line)
        typed = shlex.split(re.split(r" [<>] ", inner[1] if inner else line)[0])
        assert typed[0] == "biomill"
        args = PARSER.parse_args(typed[1:])
        assert args.lines is LEAVES[words].get_default("lines") or args.command == words.split()[0]


def test_examples_are_of_commands_that_exist() -> None:
    assert set(EXAMPLES) == set(LEAVES)


def test_what_every_output_may_name_is_stated() -> None:
    with_output = {words for words, leaf in LEAVES.items() if "--out" in leaf._option_string_actions}
    assert with_output == set(OUTPUTS)


def test_a_bare_command_prints_its_help_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["taxonomy"], ["pull"], ["leakage"]):
        status, out, _ = said(capsys, *words)
        assert status == 2
        assert out.startswith(f"usage: {' '.join(['biomill', *words])}")


def test_help_of_a_command_is_what_its_option_prints(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["run"], ["taxonomy"], ["taxonomy", "build"]):
        assert said(capsys, "help", *words) == said(capsys, *words, "--help")
    status, _, err = said(capsys, "help", "taxonomy", "biuld")
    assert status == 2
    assert "did you mean 'build'?" in err


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("statsu out", "'status'"),
        ("licenses x.csv", "'licences'"),
        ("taxonomy biuld default -o x", "'build'"),
        ("pull gbif_pages a=b -o x", "'gbif-pages'"),
        ("run x.toml --otu y", "'--out'"),
        ("run x.toml -o y --untill screen", "'--until'"),
        ("run x.toml -o y --until shrads", "'shards'"),
        ("fetch x.csv -o y --contct=me@example.org", "'--contact'"),
        ("fetch x.csv -o y --conn 3", ""),  # the beginning of two options
        ("fetch x.csv -o y --verbose", ""),
        ("frobnicate", ""),
        ("records x --kind gbif-dwc -o y", "'gbif-dwca'"),
        ("taxonomy explain x --familly y", "'--family'"),
    ],
)
def test_a_mistyped_word_is_refused_with_what_was_meant(
    line: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = said(capsys, *line.split())
    assert (status, out) == (2, "")
    assert (f"did you mean {meant}?" in err) if meant else ("did you mean" not in err)
    assert "--help" in err


@pytest.mark.parametrize("words", LEAVES)
def test_no_option_may_be_shortened(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = LEAVES[words]._option_string_actions
    for option in (each for each in known if len(each) > 3 and each.startswith("--") and each[:-1] not in known):
        with pytest.raises(SystemExit) as end:
            PARSER.parse_args([*words.split(), option[:-1]])
        assert end.value.code == 2
        assert f"no option {option[:-1]!r}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    ["taxonomy explain -1", "taxonomy explain -- -x", 'sql out "--a comment"', "feed x --where=--1", "sql out -"],
)
def test_values_that_look_like_options_stay_values(line: str) -> None:
    PARSER.parse_args(shlex.split(line))


def test_a_folder_of_other_things_is_not_written_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "taxonomy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("")
    folders = [words for words, output in OUTPUTS.items() if not output.is_file]
    assert len(folders) > 10
    for words in folders:
        rest = {
            "pull gbif": "a=b",
            "pull gbif-pages": "a=b",
            "records": "x --kind eol",
            "run": "x",
            "demo": "",
            "evaluate": "x --embeddings y",
        }
        more = rest.get(words, "--train x --heldout y" if words == "leakage check" else "x")
        for out in (package, tmp_path / "notes"):
            if out is not package and not OUTPUTS[words].marks:
                continue
            status, _, err = said(capsys, *words.split(), *more.split(), "-o", str(out))
            assert status == 2, (words, err)
            assert "holds other things" in err
    for words in (words for words, output in OUTPUTS.items() if output.is_file):
        more = "a b" if words == "taxonomy diff" else "--taxonomy x" if words == "taxonomy tree" else "x"
        status, _, err = said(capsys, *words.split(), *more.split(), "-o", str(package))
        assert (status, "names a folder" in err) == (2, True), words
    assert [path.name for path in package.iterdir()] == ["__init__.py"]


LINES = {
    "biomill lic": {"licences"},
    "biomill taxonomy bu": {"build"},
    "biomill fetch --conta": {"--contact"},
    "biomill run x --until s": {"screen", "select", "shards"},
}
BASH = """
eval "$(python -m pipeline.commands.cli completion bash)"; complete -p biomill >/dev/null || exit 9
biomill() { python -m pipeline.commands.cli "$@"; }
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMPREPLY=()
    _python_argcomplete biomill; printf '%s:%s\\n' "$COMP_LINE" "${COMPREPLY[*]}"
done <<< "$LINES"
"""
FISH = """
python -m pipeline.commands.cli completion fish | source
function biomill; python -m pipeline.commands.cli $argv; end
for line in (string split \\n $LINES)
    echo "$line:"(complete -C "$line" | string replace -r '\\t.*' '' | string join ' ')
end
"""


@pytest.mark.parametrize(("shell", "script"), [("bash", BASH), ("fish", FISH)])
def test_a_shell_completes_commands_options_and_values(shell: str, script: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "LINES": "\n".join(LINES)}
    done = subprocess.run([shell, "-c", script], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    offered = dict(line.split(":", 1) for line in done.stdout.splitlines())
    assert {line: set(words.split()) for line, words in offered.items()} == LINES


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_script_is_one_of_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "completion", shell)
    assert status == 0
    assert "biomill" in out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=out, capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stderr
