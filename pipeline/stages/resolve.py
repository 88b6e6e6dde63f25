"""Resolve: every distinct name of the records is matched once against the run's taxonomy, and joined back by key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from manifests import Recipe, RecipePath
from manifests.paths import DEFAULT_TAXONOMY, as_given
from pipeline.choosing.chosen_taxa import find_taxa
from pipeline.model.records import NAME_COLUMNS
from pipeline.stages.base import Balance, Context, Stage, missing, plan_outputs, ticker
from pipeline.stages.kept_inputs import absent_input
from pipeline.stages.shared_index import build_index, shared_index
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json, write_table
from pipeline.storage.parquet_files import parquet_file, row_count
from pipeline.storage.places import Place, address_of, local_folder, place
from pipeline.storage.places.published_folder import taken_folder
from pipeline.storage.row_groups import row_group_writer
from taxonomy import RESOLVED_SCHEMA, Policy, Taxonomy, resolve
from taxonomy.build.index import MANIFEST

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher

UNIT_NAMES = 20_000
"""Distinct names per work unit."""
_NAME_SECONDS = 20e-6
"""CPU seconds that a name takes, about, most of them by their exact form."""


def policy_of(recipe: Recipe) -> Policy:
    """Return the policy that a recipe's taxonomy section states.

    >>> from manifests.recipe import TaxonomyRules
    >>> policy_of(Recipe("r", (), taxonomy=TaxonomyRules(fuzzy=False))).fuzzy
    False
    """
    rules = recipe.taxonomy
    return Policy(rules.minimum_confidence, rules.minimum_higher_confidence, rules.fuzzy, qualifiers=rules.qualifiers)


@dataclass(frozen=True, slots=True)
class ResolveNames:
    """Match one row group of distinct names."""

    folder: str
    taxonomy: str
    policy: Policy

    def __call__(self, unit: int) -> None:
        """Write `names/UNIT.parquet`: one row per distinct name."""
        folder = place(self.folder)
        names = parquet_file(folder / "distinct.parquet").read_row_group(unit)
        resolved = resolve(shared_index(self.taxonomy, self.policy), names)
        write_table(folder / unit_path(unit), resolved)


def _build_of(folder: Place) -> str:
    """Return the build id of an index; '' where there is none whole."""
    manifest = folder / MANIFEST
    return str(read_json(manifest)["build_id"]) if manifest.exists() else ""


def unit_path(unit: int) -> str:
    """Return the output of a unit, relative to the stage."""
    return f"names/{unit:06d}.parquet"


def _write_units(path: Place, batches: Iterator[pa.RecordBatch]) -> int:
    """Write batches as row groups of UNIT_NAMES, one work unit each, and give the number of rows."""
    schema = pa.schema([pa.field(name, pa.string()) for name in ("name_id", *NAME_COLUMNS)])
    total = 0
    with row_group_writer(path, schema, UNIT_NAMES) as write:
        for batch in batches:
            total += batch.num_rows
            write(pa.Table.from_batches([batch]).cast(schema))
    return total


class Resolve(Stage):
    """The resolve stage."""

    name = "resolve"
    version = 4
    sections = ("taxonomy",)
    upstream = ("ingest",)

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest the taxonomies, unless they are the one that ships with the package (its build id tells)."""
        given = [Path(source) for source in context.recipe.taxonomy.sources if source != "default"]
        return context.digests({"taxonomy": given})

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the taxonomies that do not ship with the package."""
        return [source for source in recipe.taxonomy.sources if source != DEFAULT_TAXONOMY]

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish the index that the recipe names; build any other into the run's folder, where all see it."""
        if (index := context.given_index) is not None:
            names = [path.relative_to(index).as_posix() for path in index.rglob("*") if path.is_file()]
            return {"index": publisher.folder(index, names).text()}
        self._build(context)
        return {"build": _build_of(context.taxonomy)}

    def take(self, context: Context) -> Context:
        """Take a copy of the index that the recipe names; any other lies in the run's folder."""
        if "index" not in self.kept:
            return context
        rules = context.recipe.taxonomy
        here = RecipePath(str(taken_folder(self.kept["index"])), as_given(rules.sources[0]))
        rules = dataclasses.replace(rules, sources=(here,))
        return dataclasses.replace(context, recipe=dataclasses.replace(context.recipe, taxonomy=rules))

    def _build(self, context: Context) -> None:
        rules = context.recipe.taxonomy
        if self.taken is None:
            build_index(rules.sources, context.taxonomy, rules.languages)
        elif _build_of(context.taxonomy) != self.kept["build"]:
            raise absent_input(self.paths(context.recipe)[0], "the index that was built of it")

    def _taxonomy(self, context: Context) -> Place:
        if context.given_index is None:
            self._build(context)
        return context.taxonomy

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Build the taxonomy, list the distinct names, and match them on Beam."""
        folder = context.folder.stage(self.name)
        taxonomy = self._taxonomy(context)
        policy = policy_of(context.recipe)
        opened = Taxonomy.open(local_folder(taxonomy), policy=policy)
        build = opened.build_id
        find_taxa(context.recipe, opened)  # a taxon that a choice misspells is told before any name is matched
        names = self._distinct(context, folder)
        groups = parquet_file(folder / "distinct.parquet").num_row_groups
        outputs = [unit_path(unit) for unit in range(groups)]
        plan_outputs(context, self.name, outputs)
        write_table(folder / "names" / "-schema.parquet", RESOLVED_SCHEMA.empty_table())
        left = set(missing(folder, outputs))
        todo = [unit for unit in range(groups) if unit_path(unit) in left]
        if todo:
            seen = self.kept.get("index") or address_of(taxonomy)
            work = ResolveNames(address_of(folder), seen, policy)
            engine.expect(self.name, _NAME_SECONDS * UNIT_NAMES * len(todo))
            engine.run_units(self.name, todo, work, folder, ticker(context, self.name, outputs))
        context.progress(f"resolve: {names:,} distinct names against taxonomy {build[:12]}")
        return {"names": names, "taxonomy_build": build}

    def _distinct(self, context: Context, folder: Place) -> int:
        """Write the distinct names in the order of their keys, one row group per work unit."""
        columns = ", ".join(f'any_value("{name}") AS "{name}"' for name in NAME_COLUMNS)
        records = sql.parquet(context.folder.stage("ingest") / "records")
        path = folder / "distinct.parquet"
        if path.exists():
            return row_count(path)
        with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            query = f"SELECT name_id, {columns} FROM {records} GROUP BY name_id ORDER BY name_id"
            return _write_units(path, sql.batches(con, query))

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Every distinct name has exactly one match row."""
        folder = context.folder.stage(self.name)
        with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            matched = sql.scalar(con, f"SELECT count(DISTINCT name_id) FROM {sql.parquet(folder / 'names')}")
        return [Balance("(names)", facts["names"], int(matched), 0)]
