"""What every benchmark holds out, and which of its classes are not what they seem.

Two classes of a benchmark that are one accepted taxon, and a class whose name is the synonym of another taxon, are
scored against each other although no model can tell them apart; both are named before anybody trains.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from manifests import Recipe
from pipeline.model.outcomes import Outcome
from pipeline.planning.plan_facts import BenchmarkPlan, SameTaxon, Synonym
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_HELD = (Outcome.LEAK_ID.code, Outcome.LEAK_SPECIES.code)


def benchmark_plans(
    con: duckdb.DuckDBPyConnection, folder: RunFolder, recipe: Recipe, index: Path, ledger: str
) -> tuple[BenchmarkPlan, ...]:
    """Return what each benchmark holds out, in the order of the recipe.

    `index`: the taxonomy, opened only where classes are listed; `ledger`: FROM clause with outcome and other_id.
    """
    if not recipe.benchmarks:
        return ()
    items, ids = (sql.parquet(folder.stage("holdout") / part) for part in ("items", "ids"))
    counted = {row[0]: row[1:] for row in con.execute(_SQL("items", items=items)).fetchall()}
    keys = dict(con.execute(_SQL("ids", ids=ids)).fetchall())
    held = dict(con.execute(_SQL("held", ledger=ledger, outcomes=_HELD)).fetchall())
    named_classes = _classes(con.execute(_SQL("classes", items=items, ids=ids)).fetchall(), index)
    with sql.registered(con, "classes", named_classes):
        classes = {row[0]: row[1:] for row in con.execute(_SQL("counted")).fetchall()}
        synonyms, same = con.execute(_SQL("synonyms")).fetchall(), con.execute(_SQL("same_taxon")).fetchall()
    found = []
    for name in (spec.name for spec in recipe.benchmarks):
        number, unhashed = counted.get(name, (0, 0))
        named, unresolved = classes.get(name, (0, 0))
        found.append(
            BenchmarkPlan(
                benchmark=name,
                items=number,
                not_hashed=unhashed,
                keys=keys.get(name, 0),
                classes=named,
                unresolved=unresolved,
                synonyms=tuple(Synonym(*each) for benchmark, *each in synonyms if benchmark == name),
                same_taxon=tuple(
                    SameTaxon(accepted, tuple(taxa)) for benchmark, accepted, taxa in same if benchmark == name
                ),
                rows=held.get(name, 0),
            )
        )
    return tuple(found)


def _classes(listed: list[tuple[str, str]], index: Path) -> pa.Table:
    """Return the classes of benchmarks with the taxa that they are: of the name itself, not what it falls to."""
    names = ("match_type", "taxonomic_status", "usage_id", "accepted_id", "accepted_name")
    benchmarks, taxa = (pa.array([row[place] for row in listed], pa.string()) for place in (0, 1))
    if not listed:
        return pa.table([benchmarks, taxa, *(pa.nulls(0, pa.string()) for _ in names)], ["benchmark", "taxon", *names])
    from taxonomy import Taxonomy, resolve  # only here: a recipe without classes needs no names

    resolved = resolve(Taxonomy.open(index), pa.table({"scientific_name": taxa}))
    return pa.table(
        [benchmarks, taxa, *(resolved[name].combine_chunks() for name in names)], ["benchmark", "taxon", *names]
    )
