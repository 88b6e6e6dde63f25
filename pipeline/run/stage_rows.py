"""Rows of a stage that is not done: how many came in, went on and ended so far, counted from what it wrote.

Only footers are read. A stage that decides over all rows at once, such as screen, writes at its end, and until then
has rows in alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.media.tally import Tally
from pipeline.model.records import ABSORBED
from pipeline.storage.files.atomic import read_json
from pipeline.storage.parquet_files import parquet_file, row_count
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder

_BEFORE = {"screen": "ingest", "fetch": "screen", "likeness": "fetch", "select": "likeness", "shards": "select"}
_UNITS = frozenset({"resolve", "holdout", "shards"})
"""Stages whose units hold nothing but the rows that go on."""
_OUT = {"ingest": "records", "screen": "candidates", "likeness": "kept", "select": "decisions"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one stage; None where nobody knows yet."""

    rows_in: int | None
    rows_out: int | None
    ended: int | None


def decided_rows(done: Mapping[str, Any]) -> Rows:
    """Return the rows of a finished stage, which its mark of completion holds."""
    return Rows(*(sum(each[key] for each in done["balance"]) for key in ("rows_in", "rows_out", "ended")))


def rows_so_far(folder: RunFolder, name: str, tally: Tally) -> Rows:
    """Return the rows of a stage that was begun; `tally`: of the fetch, refreshed.

    While fetch goes on a row counts once its image came, or did not: placeholders are told at its end.
    """
    rows_in = _rows_in(folder, name)
    if name == "fetch":
        return Rows(rows_in, *tally.decided())
    if name in _UNITS:
        outputs = read_json(folder.plan(name))["outputs"]
        return Rows(rows_in, _counted(folder.stage(name) / output for output in outputs)[0], 0)
    if name not in _OUT:
        return Rows(rows_in, None, None)
    rows_out, _ = _counted((folder.stage(name) / _OUT[name]).glob("*.parquet"))
    ended, absorbed = _counted((folder.stage(name) / "ledger").glob("*.parquet"))
    return Rows(rows_in, rows_out + absorbed, ended)


def _rows_in(folder: RunFolder, name: str) -> int | None:
    planned = read_json(folder.plan(name)).get("rows")
    if planned is not None:
        return int(planned)
    if name == "resolve" and (folder.stage(name) / "distinct.parquet").exists():
        return row_count(folder.stage(name) / "distinct.parquet")
    if name not in _BEFORE or not folder.done(_BEFORE[name]).exists():
        return None
    done = read_json(folder.done(_BEFORE[name]))
    absorbed = 0
    if name == "screen":
        absorbed = sum(source.get("absorbed", 0) for source in done["facts"]["sources"].values())
    return int((decided_rows(done).rows_out or 0) - absorbed)


def _counted(paths: Iterable[Place]) -> tuple[int, int]:
    """Return (rows, rows absorbed) of those of the tables that are there."""
    rows = absorbed = 0
    for path in paths:
        try:
            footer = parquet_file(path).metadata
        except FileNotFoundError:  # a unit that is still to do
            continue
        rows += footer.num_rows
        absorbed += int((footer.metadata or {}).get(ABSORBED, b"0"))
    return rows, absorbed
