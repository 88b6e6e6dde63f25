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
    con.register("withdrawals_read", keys)
    people = " ".join(f"WHEN kind = '{kind}' THEN {alike('match')}" for kind in _PEOPLE)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE listed AS
        SELECT * EXCLUDE (match), CASE {people} ELSE match END AS match FROM withdrawals_read
        QUALIFY row_number() OVER (PARTITION BY kind, CASE {people} ELSE match END, source ORDER BY position) = 1""")
    con.unregister("withdrawals_read")
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
        f"""SELECT r.record_id, r.media_key, l.position, l.kind FROM {records} r
            JOIN (SELECT * FROM listed WHERE kind = '{kind}') l ON {rule} WHERE l.source IN ('', r.source)"""
        for kind, rule in pairs
        if kind in here  # a kind that no list has needs no pass over the records
    ]
    none = "SELECT NULL::VARCHAR AS record_id, NULL::VARCHAR AS media_key, NULL::BIGINT AS position, NULL AS kind"
    con.execute(f"CREATE OR REPLACE TEMP TABLE meant AS {' UNION '.join(parts) or none + ' WHERE false'}")
    if here & set(_PEOPLE):
        # Another record may show the same photograph without saying, or with other words for, whose it is.
        con.execute(f"""
            INSERT INTO meant
            SELECT DISTINCT r.record_id, r.media_key, l.position, l.kind
            FROM (SELECT DISTINCT media_key, position FROM meant WHERE kind IN {_PEOPLE} AND media_key <> '') m
            JOIN listed l USING (position) JOIN {records} r ON r.media_key = m.media_key
            WHERE l.source IN ('', r.source)""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE withdrawal_keys AS
        SELECT l.*, coalesce(m.records, 0) AS records FROM listed l
        LEFT JOIN (SELECT position, count(DISTINCT record_id) AS records FROM meant GROUP BY 1) m USING (position)""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE withdrawn AS
        SELECT m.record_id, m.position,
               json_merge_patch('{}', to_json({'rule': 'withdrawn ' || replace(l.kind, '_', ' '), 'value': l.value,
                 'file': l.file, 'source': nullif(l.source, ''), 'reason': nullif(l.reason, ''),
                 'date': nullif(l.date, '')}))::VARCHAR AS evidence
        FROM (SELECT record_id, min(position) AS position FROM meant GROUP BY 1) m JOIN listed l USING (position)""")
