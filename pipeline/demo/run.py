"""The demo: draw the biota, serve its media from this machine, run the pipeline over it, and show what came out."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Generator
from pathlib import Path

from manifests import Recipe, load_recipe
from pipeline.catalog.closing import closing_lines
from pipeline.demo.corpus import Corpus, build_corpus
from pipeline.demo.prepared import prepare
from pipeline.demo.server import connect_to, serve
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.storage.places import Place
from pipeline.storage.places.machine_copies import inputs_folder

logger = logging.getLogger("biomill")


def prepared_corpus(folder: Path, seed: int, shuffle: int) -> Corpus:
    """Draw the corpus into the folder, or find it there from an earlier call with the same seed and order."""
    asked = {"seed": seed, "shuffle": shuffle}
    prepare(folder, asked, lambda drawing: build_corpus(drawing, seed=seed, shuffle=shuffle))
    return Corpus.at(folder)


def connected(recipe: Recipe, address: str) -> Recipe:
    """Return the recipe with all of the demo's hosts served from `address`; its digest stays the same."""
    return dataclasses.replace(recipe, fetch=dataclasses.replace(recipe.fetch, connect_to=connect_to(address)))


def run_demo(
    out: Place, seed: int, shuffle: int, until: str, options: EngineOptions, typed: str = ""
) -> Generator[str, None, int]:
    """Run the demo in `out` (corpus in `out/corpus`, run in `out/run`), and give the lines to print at its end."""
    logger.info("demo: drawing a biota")
    # What is fetched is served from this machine's disk, wherever the run goes.
    home = out if isinstance(out, Path) else inputs_folder(out)
    corpus = prepared_corpus(home / "corpus", seed, shuffle)
    with serve(corpus.folder) as server:
        recipe = connected(load_recipe(corpus.recipe), server.address)
        folder = run(recipe, out / "run", until, options, typed=typed)
    return (yield from closing_lines(folder.root, out / "run", recipe, until=until))
