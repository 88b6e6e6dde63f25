"""Draw a biota of any size with a generated tree: a Camtrap DP package, its taxonomy, its splits and its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.demo.archives import Order
from pipeline.demo.draw import draw_picture, jpeg
from pipeline.demo.tree.biota_tables import TAXONOMY, TRUTH, write_lists, write_taxonomy, write_truth
from pipeline.demo.tree.life_tree import grow_tree
from pipeline.demo.tree.package import write_package
from pipeline.demo.tree.parameters import Parameters
from pipeline.demo.tree.sightings import Sighting, sightings
from pipeline.demo.tree.traits import tree_looks, variant
from pipeline.demo.tree.tree_recipe import tree_recipe
from pipeline.model.errors import StorageError


@dataclass(frozen=True, slots=True)
class Biota:
    """Where the parts of a biota lie."""

    folder: Path
    recipe: Path
    truth: Path
    """truth.csv: row_id, source, outcome, other, note, media_key; the species drawn and the one that the record names;
    what the species is to training (seen, unseen_species, unseen_genera); sex, life stage and individual."""
    taxonomy: Path
    """A Darwin Core taxon table of the whole tree."""

    @classmethod
    def at(cls, folder: Path) -> Biota:
        """Find the parts of a biota that lies in a folder.

        >>> Biota.at(Path("demo")).taxonomy.as_posix()
        'demo/taxonomy/tree.tsv'
        """
        return cls(folder, folder / "recipe.toml", folder / TRUTH, folder / TAXONOMY)


def build_biota(folder: Path, seed: int = 17, parameters: Parameters | None = None, shuffle: int = 0) -> Biota:
    """Draw and write a biota into a folder that is new or empty.

    Tree, names, traits, individuals and pictures follow from the seed and the parameters: the same arguments give the
    same bytes. `shuffle` (not 0) permutes the rows of the tables and the pictures in the package, and changes no
    content. Raises StorageError when the folder holds something already, UsageError for parameters that cannot be.
    """
    asked = parameters or Parameters()
    tree = grow_tree(seed, asked)
    if folder.exists() and any(folder.iterdir()):
        raise StorageError("the folder is not empty", where=str(folder), remedy="name a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    seen = sightings(seed, tree, asked)
    looks = tree_looks(tree, seed)

    def picture(sighting: Sighting) -> bytes:
        look, scale = variant(looks[sighting.species], sighting.sex, sighting.stage)
        return jpeg(draw_picture(look, f"{seed}|{sighting.key}", (asked.side, asked.side), scale))

    biota = Biota.at(folder)
    write_package(folder, tree, seen, asked.side, picture, Order(shuffle))
    write_taxonomy(folder, tree)
    write_lists(folder, tree)
    write_truth(folder, tree, seen)
    biota.recipe.write_text(tree_recipe(seed, tree, asked), encoding="utf-8")
    return biota
