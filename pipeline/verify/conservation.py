"""Nothing vanishes: every stage's rows in are its rows out and ended, and every input row has one outcome."""

from __future__ import annotations

from typing import Any

from pipeline.model.errors import VerifyError
from pipeline.model.outcomes import Outcome
from pipeline.storage.database import in_list
from pipeline.storage.files.atomic import read_json
from pipeline.storage.run_folder import STAGES, DiskRunFolder
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run

_SQL = Statements(__name__)
_ENDING = ("ingest", "screen", "fetch", "likeness", "select")


def conservation(run: Run) -> str:
    """Every stage balances per source, and the ledger holds what the stages say they ended, source by source."""
    folder = run.folder
    balances = {stage: _mark(folder, stage)["balance"] for stage in STAGES}
    for stage, balance in balances.items():
        for b in balance:
            if b["rows_in"] != b["rows_out"] + b["ended"]:
                raise VerifyError(f"stage {stage}, {b['source']}: {b['rows_in']} != {b['rows_out']} + {b['ended']}")
    counted = {
        (stage, source): rows
        for stage, source, rows in run.rows("SELECT stage, source, count(*) FROM ledger GROUP BY ALL ORDER BY ALL")
    }
    for stage in _ENDING:
        for b in balances[stage]:
            found = counted.get((stage, b["source"]), 0)
            if b["ended"] != found:
                raise VerifyError(
                    f"source {b['source']}: stage {stage} ended {b['ended']:,} rows, the ledger has {found:,}"
                )
    facts = _mark(folder, "ingest")["facts"]["sources"]
    totals = dict(run.rows("SELECT source, count(*) FROM ledger GROUP BY 1 ORDER BY 1"))
    for b in balances["ingest"]:
        rows = b["rows_in"] - facts[b["source"]]["absorbed"]
        if totals.get(b["source"], 0) != rows:
            raise VerifyError(
                f"source {b['source']}: {rows:,} input rows, but {totals.get(b['source'], 0):,} in the ledger"
            )
    return f"{sum(totals.values()):,} input rows, each accounted for"


def _mark(folder: DiskRunFolder, stage: str) -> Any:
    try:
        return read_json(folder.done(stage))
    except (OSError, ValueError) as error:
        raise VerifyError(f"the mark cannot be read: {error}", f"{stage}/_done.json") from error


def one_outcome(run: Run) -> str:
    """No row has two outcomes, and each was given by a stage that may."""
    run.none("SELECT row_id, count(*) FROM ledger GROUP BY 1 HAVING count(*) > 1 ORDER BY 1", "rows with two outcomes")
    known = in_list([outcome.code for outcome in Outcome])
    run.none(f"SELECT row_id, outcome FROM ledger WHERE outcome NOT IN {known} ORDER BY 1", "unknown outcomes")
    run.none(
        _SQL("of_another_stage"),
        "outcomes given by a stage that may not",
    )
    return f"{run.count('SELECT count(DISTINCT outcome) FROM ledger')} kinds of outcome"
