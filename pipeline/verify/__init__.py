"""Checking a finished run against everything it promises; reads the files, believes no mark of completion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from manifests import BiomillError, recipe_from_json
from pipeline.atomic import read_json
from pipeline.catalog import open_catalog
from pipeline.run.folder import RunFolder
from pipeline.verify import conservation, licences, likeness, schema, shards, splits
from pipeline.verify.cards import cards
from pipeline.verify.check import Check, Run
from pipeline.verify.contents import Contents, read_contents
from pipeline.verify.withdrawals import withdrawals

__all__ = ["Check", "verify"]


def verify(root: Path, withdraw: Sequence[Path] = ()) -> Iterator[Check]:
    """Check a finished run, promise by promise; raises RunError when the run is not finished.

    `withdraw`: lists of what is withdrawn, beside those of the recipe as they stand now.
    """
    folder = RunFolder(root.absolute())
    folder.require("catalog")
    recipe = recipe_from_json(read_json(folder.manifest)["resolved"], folder.root)
    with open_catalog(folder.root) as con:
        run = Run(folder, recipe, con)
        found = Contents()

        def scan() -> str:
            nonlocal found
            found = read_contents(run)
            return shards.archives(found)

        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("conservation", lambda: conservation.conservation(run)),
            ("one outcome per row", lambda: conservation.one_outcome(run)),
            ("schema", lambda: schema.schema(run)),
            ("checksums", lambda: shards.checksums(run)),
            ("archives", scan),
            ("members", lambda: shards.members(found)),
            ("keys", lambda: shards.keys(found)),
            ("shards = index = manifest = sizes = catalog", lambda: shards.places(run, found)),
            ("images", lambda: shards.images(found)),
            ("captions", lambda: shards.captions(found)),
            ("labels", lambda: shards.labels(run, found)),
            ("licences", lambda: licences.licences(run, found)),
            ("withdrawals", lambda: withdrawals(run, withdraw)),
            ("leakage", lambda: likeness.leakage(run)),
            ("duplicates", lambda: likeness.duplicates(run)),
            ("splits", lambda: splits.splits(run)),
            ("cards", lambda: cards(run)),
        )
        for name, check in checks:
            try:
                yield Check(name, True, check())
            except BiomillError as error:
                yield Check(name, False, str(error).replace("\n", ";"))
            except (OSError, duckdb.Error, KeyError, ValueError) as error:
                # A damaged file may fail in the reader of its format: that, too, is a finding.
                yield Check(name, False, f"{type(error).__name__}: {error}".replace("\n", ";"))
