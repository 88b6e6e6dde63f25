"""The questions that fetch asks of its tables: who is asked in a round, and how every candidate ended.

All arguments are FROM clauses unless they say otherwise; `media` as `fetch_placeholders.judged` gives it.
"""

from __future__ import annotations

import pyarrow as pa

from pipeline.model.records import ENDED_SCHEMA
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def attempts_sql(candidates: str, media: str) -> str:
    """Return the query of every address that was tried for a record with alternates whose own address failed.

    Place 0 is the record's own address, the alternates count from 1.
    """
    return _SQL("attempts", candidates=candidates, media=media)


def alternates_sql(candidates: str, media: str, place: int) -> str:
    """Return, as a FROM clause, the addresses of a round: the place-th alternates of what no earlier round brought."""
    attempts = attempts_sql(candidates, media)
    return "(" + _SQL("alternates", candidates=candidates, media=media, attempts=attempts, place=place) + ")"


def arrived_sql(candidates: str, media: str, tried: str) -> str:
    """Return the query of who arrived: record_id, source, image_id, media_id.

    The rounds end with the first address that answers, so at most one attempt of a record succeeded.
    """
    return _SQL("arrived", candidates=candidates, media=media, tried=tried)


def ended_sql(asked: str, media: str, tried: str) -> str:
    """Return the query of the asked candidates that did not arrive, as ledger rows."""
    return _SQL("ended", asked=asked, media=media, tried=tried, ended=_ended("m.outcome", _SQL("evidence")))


def substituted_sql(ended: str) -> str:
    """Return ledger rows with, as `other_id`, the candidate that was asked in the place of one that did not arrive.

    Of a taxon the first that was lost is stood in for by the first that was asked behind its first ones, and so on: by
    the tables of `pipeline.quotas.asked`.
    """
    return _SQL("substituted", ended=ended)


def not_needed_sql(candidates: str) -> str:
    """Return the ledger rows of the candidates that nobody was asked for, which the table `unasked` lists."""
    return _SQL("not_needed", candidates=candidates, ended=_ended("'not_needed'", "u.evidence"))


def _ended(outcome: str, evidence: str) -> str:
    given = {
        "row_id": "c.record_id AS row_id",
        "source": "c.source AS source",
        "outcome": f"{outcome} AS outcome",
        "evidence": f"{evidence} AS evidence",
    }
    return ", ".join(
        given.get(
            field.name, f"CAST(NULL AS {'BIGINT' if pa.types.is_int64(field.type) else 'VARCHAR'}) AS {field.name}"
        )
        for field in ENDED_SCHEMA
    )
