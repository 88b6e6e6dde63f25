"""Writing a run's cards beside its catalog: card, Croissant, report, attribution, and their checksums."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import duckdb

from manifests import Recipe
from pipeline.cards.croissant import croissant
from pipeline.cards.facts import Facts, gather
from pipeline.cards.report import figures, report_facts, report_page, report_sections
from pipeline.cards.sample import sample_sheet
from pipeline.cards.scope import gap_lines, scope_lines, split_table
from pipeline.cards.sections import SHOWN_PLAN
from pipeline.cards.templates import template
from pipeline.catalog import connect_catalog
from pipeline.shards import file_digest, read_checksums, write_checksums
from pipeline.storage.database import keep_within
from pipeline.storage.files.atomic import atomic_path, table_writer, write_text
from pipeline.storage.places import Place, size_of
from pipeline.storage.run_folder import PLAN

CARD, CROISSANT, ATTRIBUTION, REPORT = "README.md", "croissant.json", "ATTRIBUTION.parquet", "report.html"
REPORT_FACTS, SAMPLE = "catalog/report.json", "sample.jpg"
CARDS = (ATTRIBUTION, CARD, CROISSANT, REPORT, REPORT_FACTS, SAMPLE)
"""What every run has of them."""
ATTRIBUTIONS = "FROM attribution ORDER BY key"
"""The rows of ATTRIBUTION.parquet."""


def write_cards(root: Place, recipe: Recipe) -> None:
    """Write the cards of a run whose catalog stands, each file atomically; equal runs give equal bytes."""
    with connect_catalog(root) as con:
        bound(con, recipe)
        _keep_plan(root)
        write_attribution(con, ATTRIBUTIONS, root / ATTRIBUTION)
        made = card_files(con, root, recipe, gather(con, root, recipe))
    for name, data in made.items():
        with atomic_path(root / name) as temporary:
            temporary.write_bytes(data)
    write_checksums(root, listed_cards(root))


def listed_cards(root: Place) -> tuple[str, ...]:
    """Return what `checksums.sha256` in the run's folder lists: the cards, and the plan that the report shows."""
    return (*CARDS, SHOWN_PLAN) if (root / SHOWN_PLAN).exists() else CARDS


def _keep_plan(root: Place) -> None:
    """Copy the plan of the run's folder to where the report reads it; without one there is no copy either."""
    given, kept = root / PLAN, root / SHOWN_PLAN
    if given.exists():
        with atomic_path(kept) as temporary:
            temporary.write_bytes(given.read_bytes())
    else:
        kept.unlink(missing_ok=True)


def card_files(
    con: duckdb.DuckDBPyConnection, root: Place, recipe: Recipe, facts: Facts, images: Place | None = None
) -> dict[str, bytes]:
    """Return card with its picture, Croissant, report and its numbers by file name, as the catalog gives them.

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
    sections = report_sections(con, root, recipe, images)
    names, classes = split_table(sections)
    scope, gaps = scope_lines(sections), gap_lines(sections)
    facts = dataclasses.replace(facts, scope=scope, gaps=gaps, classes=classes, class_splits=names)
    texts = {
        CARD: card_text(facts),
        CROISSANT: croissant(facts, files, f"1.0.0+{version[:12]}"),
        REPORT: report_page(recipe, sections),
        REPORT_FACTS: report_facts(recipe, sections),
    }
    return {name: text.encode() for name, text in texts.items()} | {SAMPLE: sample_sheet(sections)}


def card_text(facts: Facts) -> str:
    """Return the dataset card in Markdown, with the metadata block that the Hugging Face Hub reads."""
    return template("README.md.jinja", escape=False).render(facts=facts)


def make_report(
    con: duckdb.DuckDBPyConnection, root: Place, recipe: Recipe, out: Path | None = None, drawn: Path | None = None
) -> int:
    """Write the report of a run anew, into its folder with its checksum, or to `out`; return the number of figures.

    `con` has the run's catalog open. `drawn`: folder that gets every figure as an SVG file.
    """
    bound(con, recipe)
    if out is None:
        _keep_plan(root)
    sections = report_sections(con, root, recipe)
    write_text(out or root / REPORT, report_page(recipe, sections))
    if out is None:
        write_text(root / REPORT_FACTS, report_facts(recipe, sections))
        write_checksums(root, listed_cards(root))
    files = figures(sections)
    if drawn is not None:
        for name, text in files.items():
            write_text(drawn / name, text)
    return len(files)


def bound(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    """Have questions keep to the recipe's memory."""
    keep_within(con, recipe.limits.memory_mb)
    # The questions name the larger table first. DuckDB takes the rows of a table's first file for those of each,
    # and that one has columns alone: of what it believes to be empty it would hold all in memory.
    con.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")


def write_attribution(con: duckdb.DuckDBPyConnection, query: str, path: Place) -> None:
    """Write the answer to a question about `attribution` as Parquet, in batches, atomically."""
    reader = con.sql(query).to_arrow_reader(50_000)
    with table_writer(path, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
