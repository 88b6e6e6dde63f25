"""What many tests share: one drawn corpus, and one undisturbed run over it."""

from __future__ import annotations

import os

# Before NumPy is loaded, here and in every process that is started: as many threads as cores in each of many processes
# on the same cores only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from manifests import Recipe, load_recipe
from pipeline.catalog import open_catalog
from pipeline.demo import Corpus, DemoServer, build_corpus, serve
from pipeline.demo.run import connected
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from tests.shared_folders import shared_folder

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None)
settings.load_profile("repeatable")  # `pytest --hypothesis-profile search` draws new cases instead

VIEWS = (
    "samples",
    "ledger",
    "funnel",
    "taxa",
    "clusters",
    "leaks",
    "records",
    "names",
    "media",
    "benchmarks",
    "licences",
    "hosts",
    "attempts",
    "placeholders",
    "outcomes",
    "decisions",
)
"""Everything in the catalog but `origins`, which says where rows stand in the files."""


WHOLE = ("end_to_end", "conformance", "real_input", "pages")
"""Folders of tests that `make test-whole` runs, beside single ones that are marked `whole`."""


@dataclass(frozen=True)
class Demo:
    """A corpus, its server, and the folder of a finished run."""

    corpus: Corpus
    server: DemoServer
    recipe: Recipe
    out: Path


def checksums(out: Path) -> str:
    """Return the digests of the shards, what lies beside them, and the cards."""
    return (out / "shards" / "checksums.sha256").read_text() + (out / "checksums.sha256").read_text()


def catalog_rows(out: Path) -> dict[str, list[str]]:
    with open_catalog(out) as con:
        return {view: sorted(str(row) for row in con.execute(f"FROM {view}").fetchall()) for view in VIEWS}


def assert_same_run(one: Path, two: Path) -> None:
    assert checksums(one) == checksums(two)
    left, right = catalog_rows(one), catalog_rows(two)
    for view in VIEWS:
        assert left[view] == right[view], view


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what lies in the folders of whole runs, for `make test-whole`."""
    folders = [config.rootpath / "tests" / name for name in WHOLE]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker("whole")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print as the last line how many tests were skipped, by reason."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput") or config.option.collectonly:
        return
    skipped = reporter.stats.get("skipped", [])
    reasons = Counter(" ".join(str(report.longrepr[2]).removeprefix("Skipped: ").split()) for report in skipped)
    counted = "; ".join(f"{count} x {reason}" for reason, count in sorted(reasons.items()))
    reporter.write_line(f"skipped: {len(skipped)}{f' ({counted})' if counted else ''}")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own, here and in every process that is started."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOMILL_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.at(shared_folder(tmp_path_factory, "biota", lambda folder: build_corpus(folder)))


@pytest.fixture(scope="session")
def server(corpus: Corpus) -> Iterator[DemoServer]:
    with serve(corpus.folder) as running:
        yield running


@pytest.fixture(scope="session")
def recipe(corpus: Corpus, server: DemoServer) -> Recipe:
    return connected(load_recipe(corpus.recipe), server.address)


@pytest.fixture(scope="session")
def demo(corpus: Corpus, server: DemoServer, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    out = shared_folder(tmp_path_factory, "run", lambda folder: run(recipe, folder, options=EngineOptions()))
    return Demo(corpus, server, recipe, out)
