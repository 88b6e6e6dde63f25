"""`make release` stops at what is not fit, and says what it is."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from tests import release
from tests.release import API, ROOT, ReleaseError, changelog_problems, content_problems, tracked_files


def test_the_changelog_has_a_section_for_the_version_of_the_checkout() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert [problem for problem in changelog_problems(text, version) if "no dated section" in problem] == []
    assert "CHANGELOG.md has no dated section for 9.9.9" in list(changelog_problems(text, "9.9.9"))


@pytest.mark.parametrize("lost", [".sql", ".jinja", ".toml", ".tsv", "py.typed", "cli.py"])
def test_a_wheel_without_a_file_of_the_packages_is_refused(lost: str) -> None:
    tracked = tracked_files()
    whole = [*tracked, "biomill-0.1.0.dist-info/METADATA"]
    assert list(content_problems(tracked, whole)) == []
    problems = list(content_problems(tracked, [name for name in whole if not name.endswith(lost)]))
    assert problems and all(problem.endswith(lost) for problem in problems)


@pytest.mark.parametrize("stray", ["tests/conftest.py", "pipeline/notes.txt", "docs/api.md"])
def test_a_wheel_with_anything_else_is_refused(stray: str) -> None:
    tracked = tracked_files()
    assert list(content_problems(tracked, [*tracked, stray])) == [
        f"the wheel holds {stray}, which is no tracked file of a package"
    ]


def test_a_command_that_fails_ends_the_release_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ReleaseError, match=r"ended with 128:\nfatal: "):
        release.call("git", "rev-parse", "--verify", "no-such-ref")
    monkeypatch.setattr(release, "check_facts", lambda version: release.stop(["this", "that"]))
    assert release.main() == 1
    assert capsys.readouterr().err == "not fit for release: this; that\n"


def test_a_package_that_comes_from_elsewhere_does_not_answer_for_the_wheel(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"biomill is imported from "):
        release.call(sys.executable, "-c", API, "biomill", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_what_leads_to_the_checkout_does_not_reach_the_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata of a checkout on PYTHONPATH would tell pip that the wheel is installed already."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    env = release.strangers_environment(Path("clean") / "bin")
    assert not [name for name in env if name.startswith("PYTHON")]
    assert env["PATH"].split(os.pathsep)[0] == str(Path("clean") / "bin")


def test_a_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"biomill cannot be run: "):
        release.call(tmp_path / "biomill", "--version")
