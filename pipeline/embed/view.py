"""The catalog's view `embeddings`: the vectors of all finished sets, so that SQL joins them to samples by `key`."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipeline.catalog.build import STORAGE_VERSION
from pipeline.catalog.open import closing_in
from pipeline.embed.vector_files import DONE, FOLDER, PARTS, embedded
from pipeline.storage.database import quote
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_COMMENTS = {
    "embeddings": "vectors of stored images, made by `biomill embed`: join samples by key",
    "embeddings.name": "the set of vectors: its folder's name",
    "embeddings.key": "key of the sample",
    "embeddings.model": "the model that made the vector",
    "embeddings.vector": "unit vector of the image, in float16; cosines are list_cosine_similarity of two",
}


def register(run: Place) -> bool:
    """Make the view anew in the run's catalog; return whether there is a catalog on a disk to make it in.

    The view names paths relative to the run, as the catalog's own views do, and finds the sets that are finished when
    it is asked: one that is removed is gone from it. Without any finished set the view is removed.
    """
    catalog = run / "catalog.duckdb"
    if not isinstance(catalog, Path) or not catalog.is_file():
        return False
    there = embedded(run)
    con = duckdb.connect(str(catalog), config={"storage_compatibility_version": STORAGE_VERSION})
    with closing_in(con, run.absolute()):
        con.execute("DROP VIEW IF EXISTS embeddings")
        if there:
            con.execute(_SQL("view", parts=f"{FOLDER}/*/{PARTS}", marks=f"{FOLDER}/*/{DONE}"))
            for called, text in _COMMENTS.items():
                view, dot, column = called.partition(".")
                what = f'COLUMN {view}."{column}"' if dot else f"VIEW {view}"
                con.execute(f"COMMENT ON {what} IS {quote(text)}")
    return True
