"""Scientific names: what they mean in a pinned taxonomy."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from biomill.arrow_input import Texts
    from taxonomy import Policy, Taxonomy


def resolve_names(
    names: Texts,
    taxonomy: str | PathLike[str] | Taxonomy | None = None,
    *,
    policy: Policy | None = None,
) -> pa.Table:
    """Return what names mean: one row for each, in their order, with the columns of `taxonomy.RESOLVED_SCHEMA`.

    `names`: texts, or a table (of pyarrow, pandas, Polars or DuckDB, or a mapping of columns) that has a column
    `scientificName` and, where known, `scientificNameAuthorship`, `taxonRank` and the hints `kingdom`, `phylum`,
    `class`, `order`, `family`, `genus`; also spelt `scientific_name`. `taxonomy`: the folder of a built one, or one
    that is open; by default the small one that ships with Biomill, of some thousand taxa. `policy`: what counts as a
    match, for a folder or the default.

    `match_type` says how a name was matched; where it is AMBIGUOUS or NONE, `accepted_id` and what follows from it are
    null: a homonym without a hint is not guessed. `taxonomy_build` says what answered.

    Raises TaxonomyError when the folder holds no taxonomy or the table no names, UsageError when what is given is
    neither texts nor a table.

    >>> found = resolve_names(["Felis concolor Linnaeus, 1771", "Morus"])
    >>> found.select(["match_type", "accepted_name", "family"]).to_pylist()
    [{'match_type': 'EXACT', 'accepted_name': 'Puma concolor', 'family': 'Felidae'},
     {'match_type': 'AMBIGUOUS', 'accepted_name': None, 'family': None}]
    """
    from biomill.arrow_input import as_table
    from taxonomy.match.resolving import resolve_distinct
    from taxonomy.match.tables import columns_of

    table = as_table(names, "scientificName")
    return resolve_distinct(_opened(taxonomy, policy), table, columns_of(table.column_names, Path("names")))


def _opened(taxonomy: str | PathLike[str] | Taxonomy | None, policy: Policy | None) -> Taxonomy:
    from pipeline.model.errors import UsageError
    from taxonomy import Taxonomy

    if isinstance(taxonomy, Taxonomy):
        if policy is not None and policy != taxonomy.policy:
            raise UsageError(
                "a taxonomy that is open has a policy of its own",
                expected="a policy beside the folder of a taxonomy",
                remedy="give the policy to Taxonomy.open",
            )
        return taxonomy
    return Taxonomy.open(_shipped() if taxonomy is None else Path(taxonomy), policy=policy)


@cache
def _shipped() -> Path:
    """Return the folder of the taxonomy that ships with the package, built once for this process."""
    from taxonomy import build_taxonomy

    folder = Path(tempfile.mkdtemp(prefix="biomill-taxonomy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build_taxonomy(["default"], folder / "default")
    return folder / "default"
