"""The demo corpus: a procedural biota in the real layouts of four sources, with a truth table of every row's end.

It is the fixture that every part of the pipeline is tried on: everything a curator meets is planted on purpose, several
times over, and `truth.csv` says what must become of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.demo.archives import Order
from pipeline.demo.demo_recipe import recipe_text
from pipeline.demo.draft import Draft
from pipeline.demo.ordinary import add_ordinary
from pipeline.demo.planted_fetch import add_fetch
from pipeline.demo.planted_likeness import add_likeness
from pipeline.demo.planted_media import add_media
from pipeline.demo.planted_placeholders import add_placeholders
from pipeline.demo.planted_rows import add_rows
from pipeline.demo.web import HOSTS
from pipeline.model.errors import StorageError


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where the parts of a corpus lie."""

    folder: Path
    recipe: Path
    """recipe.toml; give it FetchRules.connect_to at run time, see `pipeline.demo.server`."""
    truth: Path
    """truth.csv: row_id, source, outcome, other, note."""
    www: Path
    """Root of the demo's web: a folder per host, and behaviours.json."""
    hosts: tuple[str, ...] = HOSTS
    """Hosts whose addresses the sources name."""

    @classmethod
    def at(cls, folder: Path) -> Corpus:
        """Find the parts of a corpus that lies in a folder.

        >>> Corpus.at(Path("demo")).truth.as_posix()
        'demo/truth.csv'
        """
        return cls(folder, folder / "recipe.toml", folder / "truth.csv", folder / "www")


def build_corpus(folder: Path, seed: int = 17, shuffle: int = 0) -> Corpus:
    """Draw and write a corpus into a folder that is new or empty.

    `seed` draws other individuals of the same species; `shuffle` (not 0) permutes the rows of every table, the entries
    of every list and the members of every archive, and changes no content. The same arguments give the same bytes.
    Raises StorageError when the folder holds something already.

    Some 490 input rows and 440 pictures of 176 to 480 pixels, 8 MB, in a few CPU seconds:

        corpus = build_corpus(Path("demo"))
        with serve(corpus.folder) as server:
            ...  # run corpus.recipe with fetch.connect_to = connect_to(server.address)
    """
    if folder.exists() and any(folder.iterdir()):
        raise StorageError("the folder is not empty", where=str(folder), remedy="name a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    draft = Draft(seed)
    add_ordinary(draft)
    add_rows(draft)
    add_fetch(draft)
    add_likeness(draft)
    add_media(draft)
    add_placeholders(draft)

    corpus = Corpus.at(folder)
    order = Order(shuffle)
    for sheet in (draft.gbif, draft.eol, draft.bioscan, draft.fathomnet, draft.heldout):
        sheet.write(folder, order)
    draft.web.write(corpus.www)
    draft.truth.write(corpus.truth)
    corpus.recipe.write_text(recipe_text(seed), encoding="utf-8")
    return corpus
