"""What a card states, counted from the catalog: totals, ranks, sources, licences, releases and the funnel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from manifests import Recipe
from pipeline.cards.sections.citations import citation
from pipeline.catalog.build import rooted
from pipeline.losses.losses import largest_losses, loss_line
from pipeline.model.records import RANK_COLUMNS
from pipeline.shards import loading_block
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements

Row = tuple[Any, ...]
_SQL = Statements(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts of one run, each list in a stated order."""

    name: str
    description: str
    taxonomy_build: str
    images: int
    rows: int
    splits: Sequence[Row]
    """(split, images)"""
    ranks: Sequence[Row]
    """(rank, taxa, images with the rank)"""
    sources: Sequence[Row]
    """(source, input rows, images)"""
    licences: Sequence[Row]
    """(licence, images, may be shared as resized copies)"""
    funnel: Sequence[Row]
    """(stage, outcome, rows, percent, meaning)"""
    releases: Sequence[Row]
    """(source, release, records, images, citation)"""
    datasets: Sequence[Row]
    """(source, dataset key, publisher, images), the largest twenty"""
    shards: Sequence[Row]
    """(shard, samples)"""
    loading: str
    """Lines of YAML that say which files are which split, and the types of their columns; '' without images."""
    layout: str
    """Layout of the shards."""
    prefix: str = ""
    """What the names of shards begin with."""
    scope: Sequence[str] = ()
    """Sentences on life, places and times."""
    gaps: Sequence[str] = ()
    """Sentences on what is uneven or missing."""
    class_splits: Sequence[str] = ()
    """The splits, in the order of the recipe."""
    classes: Sequence[Row] = ()
    """(class, images in each of these splits), the largest twenty"""
    losses: Sequence[str] = ()
    """Of a run that kept nothing: the largest loss of every source, and what changes it."""


def gather(con: duckdb.DuckDBPyConnection, root: Place, recipe: Recipe) -> Facts:
    """Count what the cards state, by questions to the catalog of the run in `root`."""
    kept = rooted("read_parquet('shards/[m]anifest.parquet')", root, con)

    def rows(query: str) -> list[Row]:
        found: list[Row] = con.execute(query).fetchall()
        return found

    ranks = [(rank, *rows(f'SELECT count(DISTINCT "{rank}"), count("{rank}") FROM {kept}')[0]) for rank in RANK_COLUMNS]
    kinds = {source.name: source.kind for source in recipe.sources}
    releases = rows("SELECT source, coalesce(release, ''), records, images FROM releases ORDER BY ALL")
    builds = rows(_SQL("builds", kept=kept))
    splits = rows(f"SELECT split, count(*) FROM {kept} GROUP BY 1 ORDER BY 1")
    shards = recipe.shards
    images = int(rows(f"SELECT count(*) FROM {kept}")[0][0])
    sources = rows(
        "SELECT source, count(*), count(*) FILTER (outcome = 'kept') FROM ledger GROUP BY source ORDER BY source"
    )
    return Facts(
        name=recipe.name,
        description=recipe.description,
        taxonomy_build=", ".join(str(build) for (build,) in builds),
        images=images,
        rows=int(rows("SELECT count(*) FROM ledger")[0][0]),
        splits=splits,
        ranks=ranks,
        sources=sources,
        licences=rows(_SQL("licences", kept=kept)),
        funnel=rows("SELECT stage, outcome, rows, percent, meaning FROM funnel()"),
        releases=[(*row, citation(kinds.get(row[0], ""), row[0], row[1])) for row in releases],
        datasets=rows(_SQL("datasets")),
        shards=rows(f"SELECT shard, count(*) FROM {kept} GROUP BY 1 ORDER BY 1"),
        loading=loading_block(shards.prefix, [split for split, _ in splits], shards.layout, "shards/"),
        layout=shards.layout,
        prefix=shards.prefix,
        losses=[] if images else list(_losses(con, recipe, sources)),
    )


def _losses(con: duckdb.DuckDBPyConnection, recipe: Recipe, sources: Sequence[Row]) -> Iterator[str]:
    losses = largest_losses(con, "ledger")
    for source, rows, _ in sources:
        if source in losses:
            yield loss_line(losses[source], recipe, rows, rows)
