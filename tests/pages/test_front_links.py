"""Every link of every page leads to a file that is there, and to a heading that the file has."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.pages.markdown_pages import PAGES, ROOT, anchors, links

NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere; addresses of other hosts are not asked."""
    wrong = []
    for link in links(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            wrong.append(f"{link}: there is no {name}")
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            wrong.append(f"{link}: {target.name} has no heading #{anchor}")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# One\n")
    page = tmp_path / "a.md"
    page.write_text("# Two\n[1](b.md) [2](b.md#one) [3](#two) [4](c.md) [5](b.md#two) [6](#one) ![7](d.svg)\n")
    assert [link.split(":")[0] for link in broken(page)] == ["c.md", "b.md#two", "#one", "d.svg"]


def test_the_pages_that_people_look_for_are_there() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/index.md", "docs/architecture.md"} <= set(NAMES)


def test_every_page_stands_once_in_the_sites_list_and_is_linked_from_its_start() -> None:
    class Loader(yaml.SafeLoader):
        """Reads mkdocs.yml without making the objects that it names."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)
    listed: list[str] = []

    def walk(entry: object) -> None:
        if isinstance(entry, str):
            listed.append(entry)
        elif isinstance(entry, dict | list):
            for each in entry.values() if isinstance(entry, dict) else entry:
                walk(each)

    walk(yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"])
    pages = sorted(page.name for page in PAGES if page.parent.name == "docs")
    assert sorted(listed) == pages
    start = set(links((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    assert [page for page in pages if page not in {"index.md", *start}] == []
    readme = {link.split("#")[0] for link in links((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert [page for page in pages if page != "index.md" and f"docs/{page}" not in readme] == []
