"""The demo with a generated tree: draw the biota, run the pipeline over it, and show what came out."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Generator
from pathlib import Path

from manifests import load_recipe
from pipeline.catalog.closing import closing_lines
from pipeline.demo.prepared import prepare
from pipeline.demo.tree.biota import Biota, build_biota
from pipeline.demo.tree.parameters import Parameters
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.storage.places import Place
from pipeline.storage.places.machine_copies import inputs_folder

logger = logging.getLogger("biomill")


def prepared_biota(folder: Path, seed: int, parameters: Parameters, shuffle: int = 0) -> Biota:
    """Draw the biota into the folder, or find it there from an earlier call with the same arguments."""
    asked = {"biota": "tree", "seed": seed, "shuffle": shuffle, **dataclasses.asdict(parameters)}
    prepare(folder, asked, lambda drawing: build_biota(drawing, seed, parameters, shuffle))
    return Biota.at(folder)


def run_tree_demo(
    out: Place, seed: int, parameters: Parameters, shuffle: int, until: str, options: EngineOptions, typed: str = ""
) -> Generator[str, None, int]:
    """Run the demo in `out` (biota in `out/corpus`, run in `out/run`), and give the lines to print at its end."""
    parameters.check()
    logger.info("demo: drawing a biota of %s species", f"{parameters.species:,}")
    home = out if isinstance(out, Path) else inputs_folder(out)
    biota = prepared_biota(home / "corpus", seed, parameters, shuffle)
    recipe = load_recipe(biota.recipe)
    folder = run(recipe, out / "run", until, options, typed=typed)
    return (yield from closing_lines(folder.root, out / "run", recipe, until=until))
