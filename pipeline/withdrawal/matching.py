"""Which records a list of withdrawals means: one rule, before a byte is fetched as after the shards are written.

| key | what is withdrawn |
|---|---|
| media_key | the medium, under every record of every source |
| record_key | the record, with all its media; another record of the same medium stays |
| occurrence_key | all records of the occurrence, with or without the source before it |
| creator, rights_holder | all records that state it, and their media under every other record |
| key | the one sample |

Names of people are compared without regard to case, white space and Unicode composition.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipeline.storage.database import registered
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
NOTHING = "(SELECT NULL::VARCHAR AS record_id, NULL::BIGINT AS position, NULL::VARCHAR AS evidence WHERE false)"
"""The FROM clause of no withdrawal at all."""
NOTED = "kind, value, source, reason, date, file, records"
"""Columns of `withdrawal_keys` that a run keeps."""
_PEOPLE = ("creator", "rights_holder")


def alike(expression: str) -> str:
    """Return the SQL of a person's name as it is compared.

    >>> duckdb.sql(f"SELECT {alike(chr(39) + ' Jane  DOE' + chr(39))}").fetchall()
    [('jane doe',)]
    """
    return rf"nfc_normalize(lower(nfc_normalize(trim(regexp_replace({expression}, '[\s\p{{Z}}]+', ' ', 'g')))))"


def gather(con: duckdb.DuckDBPyConnection, keys: pa.Table, records: str) -> None:
    """Make the temporary tables of what a list withdraws among records, a FROM clause.

    -   `withdrawal_keys`: KEYS_SCHEMA, each key once, with `records`: how many it means
    -   `withdrawn`: (record_id, position, evidence), one row per record, by the first key of the list that means it
    """
    people = " ".join(f"WHEN kind = '{kind}' THEN {alike('match')}" for kind in _PEOPLE)
    with registered(con, "withdrawals_read", keys):
        con.execute(_SQL("listed", people=people))
    joins = {
        "media_key": "l.match = r.media_key",
        "record_key": "l.match = r.source || ':' || r.source_record_id",
        "occurrence_key": "l.match = r.occurrence_key",
        "creator": f"l.match = {alike('r.creator')}",
        "rights_holder": f"l.match = {alike('r.rights_holder')}",
        "key": "l.match = r.record_id",
    }
    pairs = [*joins.items(), ("occurrence_key", "l.match = r.source || ':' || r.occurrence_key")]
    here = {kind for (kind,) in con.execute("SELECT DISTINCT kind FROM listed").fetchall()}
    parts = [
        _SQL("by_kind", records=records, kind=kind, rule=rule)
        for kind, rule in pairs
        if kind in here  # a kind that no list has needs no pass over the records
    ]
    meant = " UNION ".join(parts) or _SQL("by_none")
    con.execute(f"CREATE OR REPLACE TEMP TABLE meant AS {meant}")
    if here & set(_PEOPLE):
        # Another record may show the same photograph without saying, or with other words for, whose it is.
        con.execute(_SQL("meant_too", people=_PEOPLE, records=records))
    con.execute(_SQL("withdrawal_keys"))
    con.execute(_SQL("withdrawn"))
