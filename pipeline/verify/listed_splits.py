"""Splits hold what their lists and hints name; one without a share holds nothing beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests import Recipe, SplitSpec, SplittingRules
from pipeline.quotas.counted_rows import once_sql
from pipeline.splits.group_splits import unseen_wholly
from pipeline.splits.listed import KEYS, listed_keys
from pipeline.stages.base import file_digest
from pipeline.storage.database import quote, registered
from pipeline.storage.run_folder import marks
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run
from pipeline.verify.truth import NAMES

_SQL = Statements(__name__)
_RECORDS = once_sql("read_parquet('ingest/records/*.parquet')", "read_parquet('screen/ledger/*.parquet')")


def listed_splits(run: Run) -> str:
    """What lists and hints name is in their split, or in one that goes before; the lists are read again."""
    splits = run.recipe.splits or ()
    if not any(split.keys or split.hints for split in splits):
        return "none are listed"
    gone = [split.name for split in splits if split.keys and not _as_it_was(run, split)]
    if gone:
        return f"not checked: the lists of {', '.join(gone)} have changed or are not here"
    queries = [*_by_hints(run.recipe)]
    keys = listed_keys([(place, split.keys) for place, split in enumerate(splits) if split.keys])
    queries += [
        _SQL("listed", kind=kind, key=key, records=_RECORDS, names=NAMES) for kind, key in KEYS.items() if keys.num_rows
    ]
    with registered(run.con, "split_keys", keys):
        run.con.execute(_SQL("named", queries=" UNION ALL ".join(queries)))
    run.none_of(_promises(run.recipe))
    return f"{run.count('SELECT count(DISTINCT record_id) FROM split_named'):,} records are named"


def _promises(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield what must have no rows, and what it is if it has."""
    splits, rules = recipe.splits or (), recipe.splitting or SplittingRules()
    claims = [split.name for split in splits if unseen_wholly(split) and (split.keys or split.hints)]
    order = ", ".join(f"({quote(split.name)}, {place})" for place, split in enumerate(splits))
    yield _SQL("elsewhere", order=order, claims=claims), "records in an earlier split than that they are named for"
    if rules.together or rules.cell_kilometres is not None:
        return  # what is kept together beyond the groups may come along
    for place, split in enumerate(splits):
        if not split.percent and split.name not in claims:
            yield _SQL("unnamed", split=split.name, place=place), f"groups in {split.name} that nothing names for it"


def _by_hints(recipe: Recipe) -> Iterator[str]:
    """Yield the query of what hints name; lists go before them, wherever there are any."""
    splits = recipe.splits or ()
    words = [
        f"({quote(word.strip().lower())}, {place}, {any(each.keys for each in splits)})"
        for place, split in enumerate(splits)
        for word in split.hints or ()
    ]
    if words:
        yield _SQL("hinted", words=", ".join(words), records=_RECORDS)


def _as_it_was(run: Run, split: SplitSpec) -> bool:
    """Return whether the list of a split is here, with the bytes that the run read."""
    path = Path(split.keys or "")
    inputs = (marks(run.folder.manifest) or {}).get("inputs", {})
    return path.is_file() and inputs.get(f"split-{split.name}/0/{path.name}") == file_digest(path)
