"""Checking a finished run against everything it promises; reads the files, believes no mark of completion."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from manifests import BiomillError, Recipe
from pipeline.catalog import create_views
from pipeline.storage import database as sql
from pipeline.storage.places import Place
from pipeline.storage.run_folder import STAGES, DiskRunFolder, marks, on_disk
from pipeline.verify import conservation, files, likeness, listed_splits, named_splits, quotas, splits
from pipeline.verify import rights as licences
from pipeline.verify import shard_files as shards
from pipeline.verify import stored_columns as schema
from pipeline.verify.cards import cards
from pipeline.verify.catalog import catalog
from pipeline.verify.check import Check, Run
from pipeline.verify.contents import Contents, read_contents
from pipeline.verify.decisions import decisions
from pipeline.verify.images import images
from pipeline.verify.manifest import manifest
from pipeline.verify.pictures import pictures
from pipeline.verify.samples import Told, read_samples
from pipeline.verify.stages import stages
from pipeline.verify.withdrawals import withdrawals

__all__ = ["Check", "verify"]


def verify(root: Place, without: Collection[str] = (), withdraw: Sequence[Path] = ()) -> Iterator[Check]:
    """Check a finished run, promise by promise; raises RunError when the run is not finished.

    Nothing is written into the run; one at an address is copied to this machine first, as every byte of it is read.
    `without`: names of checks that are left out. `withdraw`: lists of what is withdrawn, beside those of the recipe as
    they stand now. Memory: what `limits.memory_mb` gives the tables, and some 500 to 850 MB.
    """
    folder = on_disk(root)
    if not _was_finished(folder):
        folder.require("catalog")
    recipe = folder.recipe()
    with _opened(folder, recipe) as run:
        found, told = Contents(), Told()

        def walk() -> str:
            nonlocal found
            found = read_contents(run)
            return shards.archives(found)

        def read() -> str:
            nonlocal told
            told = read_samples(run)
            return shards.members(told)

        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("tables", lambda: _tables(run)),
            ("stages", lambda: stages(run)),
            ("schema", lambda: schema.schema(run)),
            ("conservation", lambda: conservation.conservation(run)),
            ("one outcome per row", lambda: conservation.one_outcome(run)),
            ("decisions", lambda: decisions(run)),
            ("files", lambda: files.files(run)),
            ("archives", walk),
            ("checksums", lambda: files.checksums(run, found)),
            ("members", read),
            ("keys", lambda: shards.keys(run)),
            ("shards = index = sizes", lambda: shards.places(run, found)),
            ("manifest", lambda: manifest(run)),
            ("images", lambda: images(run)),
            ("captions", lambda: shards.captions(told)),
            ("labels", lambda: shards.labels(run, told)),
            ("licences", lambda: licences.licences(run, told)),
            ("metadata", lambda: shards.other_keys(told)),
            ("withdrawals", lambda: withdrawals(run, withdraw)),
            ("leakage", lambda: likeness.leakage(run)),
            ("duplicates", lambda: likeness.duplicates(run)),
            ("splits", lambda: splits.splits(run)),
            ("named splits", lambda: named_splits.named_splits(run)),
            ("listed splits", lambda: listed_splits.listed_splits(run)),
            ("pictures", lambda: pictures(run)),
            ("quotas", lambda: quotas.quotas(run)),
            ("catalog", lambda: catalog(run)),
            ("cards", lambda: cards(run, found)),
        )
        for name, check in checks:
            if name in without:
                continue
            try:
                yield Check(name, True, check())
            except BiomillError as error:
                yield Check(name, False, str(error).replace("\n", ";"))
            except (OSError, duckdb.Error, pa.ArrowException, KeyError, ValueError, TypeError, IndexError) as error:
                # A damaged file may fail in the reader of its format: that, too, is a finding.
                yield Check(name, False, f"{type(error).__name__}: {error}".replace("\n", ";"))


def _was_finished(folder: DiskRunFolder) -> bool:
    """Distinguish a run that came to its end, whatever became of its marks since, from one that is on its way."""
    folder.require_run()
    return folder.done(STAGES[-1]).exists() and marks(folder.manifest).get("stages", {}).keys() >= set(STAGES)


@contextmanager
def _opened(folder: DiskRunFolder, recipe: Recipe) -> Iterator[Run]:
    """Yield the run with a database in memory and a scratch folder (of TMPDIR)."""
    with (
        tempfile.TemporaryDirectory(prefix="biomill-verify-") as scratch,
        sql.connect(recipe.limits.memory_mb, Path(scratch)) as con,
    ):
        con.execute("SET preserve_insertion_order = true")
        con.execute("SET enable_progress_bar = false")
        yield Run(folder, recipe, con, Path(scratch))


def _tables(run: Run) -> str:
    """Make the catalog's views over the stages' tables, which most checks ask; `samples`, asked most, is laid down."""
    create_views(run.con, run.folder.root)
    laid = sql.quote(str(run.scratch / "samples.parquet"))
    # In the order of the input DuckDB would hold more of the rows than the limit lets it.
    run.con.execute("SET preserve_insertion_order = false")
    try:
        run.con.execute(f"COPY (FROM samples) TO {laid} (FORMAT parquet, COMPRESSION zstd)")
    except duckdb.OutOfMemoryException:
        return _views(run)  # then the view itself is asked, which costs time alone
    finally:
        run.con.execute("SET preserve_insertion_order = true")
    run.con.execute(f"CREATE OR REPLACE VIEW samples AS FROM read_parquet({laid})")
    return _views(run)


def _views(run: Run) -> str:
    return f"{run.count('SELECT count(*) FROM duckdb_views() WHERE NOT internal')} views over the tables of the run"
