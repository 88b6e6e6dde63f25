"""What the pages at the front say of the code is so: paths, rooms, arrows between them, dependencies, versions."""

from __future__ import annotations

import datetime
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from pipeline.commands import COMMANDS
from tests.pages.markdown_pages import ROOT, rows, section
from tests.rooms import ORDER

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("biomill", "pipeline", "taxonomy", "dedup", "manifests")
ABOUT_ROOMS = "The rooms of the pipeline"
PATH = re.compile(rf"`((?:{'|'.join(PACKAGES)}|tests|docs|examples|\.ci)/[^`\s]*|[\w-]+\.(?:toml|cff|yml|md|txt))`")
"""A file or folder of the checkout, as pages name it."""
MADE = {"README.md", "ATTRIBUTION.parquet"}
"""Names that a run makes, which pages speak of as well."""


def paths(text: str) -> set[str]:
    return {found[1] for found in PATH.finditer(text)} - MADE


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", "README.md"])
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    named = paths((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 6
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_package_is_told_of() -> None:
    kept = {Path(name).parent.as_posix() for name in tracked(*PACKAGES) if name.endswith(".py")}
    assert [folder for folder in sorted(kept) if f"`{folder}/`" not in ARCHITECTURE] == []


def tracked(*folders: str) -> list[str]:
    asked = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip("this is no checkout of git")
    return asked.stdout.split()


def test_the_rooms_of_the_page_stand_in_the_order_that_their_imports_keep() -> None:
    order = [room for room in ORDER if room.startswith("pipeline.") and room.count(".") == 1]
    told = [room for room, _ in rows(section(ARCHITECTURE, ABOUT_ROOMS))]
    assert told == [f"`{room.replace('.', '/')}/`" for room in order]


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_a_page_names_only_classes_functions_and_constants_that_there_are(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`(_?[A-Z][A-Z_]{3,}|[A-Z][a-z]+[A-Z]\w+|\w+_\w+)`", text))
    code = "\n".join(
        path.read_text(encoding="utf-8") for folder in (*PACKAGES, "tests") for path in (ROOT / folder).rglob("*.py")
    )
    assert len(named) > 1
    assert [name for name in sorted(named) if not re.search(rf"\b{name}\b", code)] == []


def test_every_dependency_is_told_of_with_a_file_that_imports_it() -> None:
    modules = {"pillow": "PIL", "gbif-name-parser": "nameparser", "apache-beam": "apache_beam", "tomli-w": "tomli_w",
               "open_clip_torch": "open_clip", "faiss-cpu": "faiss"}  # fmt: skip
    told = {name: where for names, where, _ in rows(section(ARCHITECTURE, "Where each dependency is used"))
            for name in names.split(", ")}  # fmt: skip
    needed = [*PROJECT["dependencies"], *(each for name in ("fast", "train") for each in extra(name))]
    listed = {re.split(r"[<>=;\[ ]", each)[0] for each in needed}
    assert sorted(listed - set(told)) == []
    for name, where in told.items():
        for path in paths(where):
            place = ROOT / path
            files = [place] if place.is_file() else sorted(place.rglob("*.py"))
            module = modules.get(name, name.replace("-", "_"))
            text = "\n".join(file.read_text(encoding="utf-8") for file in files)
            lines = re.search(rf"^\s*(?:import|from) {module}\b|import_module\(\"{module}\b", text, re.MULTILINE)
            assert lines or f'"{module}"' in text, (name, path)


def extra(name: str) -> list[str]:
    found: list[str] = PROJECT["optional-dependencies"][name]
    return found


def test_the_readme_can_be_read_in_one_sitting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 200
    assert "pip install ." in readme and "make demo" in readme and "make test" in readme


def test_the_changelog_keeps_its_form() -> None:
    """As https://keepachangelog.com has it: newest first, dated, changes under the six headings and nowhere else."""
    heads = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    versions = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d{2}-\d{2})", head) for head in heads[1:]]
    assert all(versions), heads
    numbers = [tuple(int(part) for part in found.groups()[:3]) for found in versions if found]
    dates = [datetime.date.fromisoformat(found[4]) for found in versions if found]
    assert numbers == sorted(numbers, reverse=True) and dates == sorted(dates, reverse=True)
    kinds = re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for part in re.split(r"^### .*$", CHANGELOG, flags=re.MULTILINE)[1:]:
        assert re.match(r"\s*- ", part), part[:80]


def test_version_and_date_are_the_same_everywhere() -> None:
    version = PROJECT["version"]
    (date,) = re.findall(rf"^## \[{re.escape(version)}\] - (\S+)$", CHANGELOG, re.MULTILINE)
    assert (CITATION["version"], str(CITATION["date-released"])) == (version, date)


def test_the_citation_has_what_the_format_demands() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert all(isinstance(CITATION[key], str) and CITATION[key] for key in ("message", "title", "abstract"))
    assert CITATION["type"] == "software"
    assert CITATION["authors"] == PROJECT["authors"] == [{"name": "Biomill contributors"}]
    assert CITATION["license"] == PROJECT["license"] == "Apache-2.0"
    known = {
        *("cff-version", "message", "type", "title", "abstract", "authors", "version", "date-released", "license"),
        *("keywords", "url", "repository-code", "doi", "identifiers", "references", "preferred-citation", "contact"),
    }
    assert set(CITATION) <= known


def test_classifiers_are_of_the_index_and_fit_the_versions_of_python() -> None:
    classifiers = PROJECT["classifiers"]
    assert not [each for each in classifiers if each.startswith(("Private", "License"))]
    minors = {int(each.rpartition(".")[2]) for each in classifiers if re.search(r":: 3\.\d+$", each)}
    low, high = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert minors == set(range(int(low), int(high)))


def test_the_changelog_names_only_commands_that_there_are() -> None:
    named = set(re.findall(r"`biomill ([a-z][a-z-]*)", CHANGELOG))
    assert len(named) > 10
    assert named - set(COMMANDS) == set()
