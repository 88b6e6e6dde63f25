"""Writing a run's cards beside its catalog: card, Croissant, report, attribution, and their checksums."""

from __future__ import annotations

import hashlib

import duckdb

from manifests import Recipe
from pipeline.cards.croissant import croissant
from pipeline.cards.facts import Facts, gather
from pipeline.cards.report import report_text
from pipeline.cards.templates import template
from pipeline.catalog import connect_catalog
from pipeline.shards import file_digest, read_checksums, write_checksums
from pipeline.storage.database import keep_within
from pipeline.storage.files.atomic import table_writer, write_text
from pipeline.storage.places import Place, size_of

CARD, CROISSANT, ATTRIBUTION, REPORT = "README.md", "croissant.json", "ATTRIBUTION.parquet", "report.html"
CARDS = (ATTRIBUTION, CARD, CROISSANT, REPORT)
"""What `checksums.sha256` in the run's folder lists."""
ATTRIBUTIONS = "FROM attribution ORDER BY key"
"""The rows of ATTRIBUTION.parquet."""


def write_cards(root: Place, recipe: Recipe) -> None:
    """Write the cards of a run whose catalog stands, each file atomically; equal runs give equal bytes."""
    with connect_catalog(root) as con:
        keep_within(con, recipe.limits.memory_mb)
        # The questions name the larger table first. DuckDB takes the rows of a table's first file for those of each,
        # and that one has columns alone: of what it believes to be empty it would hold all in memory.
        con.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        write_attribution(con, ATTRIBUTIONS, root / ATTRIBUTION)
        texts = card_texts(con, root, gather(con, root, recipe))
    for name, text in texts.items():
        write_text(root / name, text)
    write_checksums(root, CARDS)


def card_texts(
    con: duckdb.DuckDBPyConnection, root: Place, facts: Facts, images: Place | None = None
) -> dict[str, str]:
    """Return card, Croissant and report by file name, as they follow from the catalog's views and the files it lists.

    `con` has the views of the run in `root`, where ATTRIBUTION.parquet stands already. `images`: the run's folder as
    its pictures are read from it, where that is another.
    """
    stated = read_checksums(root / "shards" / "checksums.sha256")
    files = {
        f"shards/{name}": (digest, size_of(root / "shards" / name))
        for name, digest in stated.items()
        if name.endswith((".tar", ".parquet"))
    }
    for path in (ATTRIBUTION, "shards/manifest.parquet"):
        files[path] = (file_digest(root / path), size_of(root / path))
    # The version is the content: it changes when a shard does.
    version = hashlib.sha256("".join(sorted(stated.values())).encode()).hexdigest()
    return {
        CARD: card_text(facts),
        CROISSANT: croissant(facts, files, f"1.0.0+{version[:12]}"),
        REPORT: report_text(con, images or root, facts),
    }


def card_text(facts: Facts) -> str:
    """Return the dataset card in Markdown, with the metadata block that the Hugging Face Hub reads."""
    return template("README.md.jinja", escape=False).render(facts=facts)


def write_attribution(con: duckdb.DuckDBPyConnection, query: str, path: Place) -> None:
    """Write the answer to a question about `attribution` as Parquet, in batches, atomically."""
    reader = con.sql(query).to_arrow_reader(50_000)
    with table_writer(path, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
