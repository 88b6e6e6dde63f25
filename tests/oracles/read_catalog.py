"""Reads every view and macro of a run's catalog with whatever DuckDB this interpreter has, as JSON on one line.

`python read_catalog.py RUN ROW_ID`: for every table, view and macro the number of rows, the columns, and all rows
as text; the number of comments. Any DuckDB started in the folder of the run must be able to.
"""

from __future__ import annotations

import json
import os
import sys

import duckdb

MACROS = (
    "funnel()",
    "why('{row}')",
    "images_per_taxon('family')",
    "capped(2)",
    "rare(5)",
    "lost_by('gone')",
)


def main() -> None:
    os.chdir(sys.argv[1])
    con = duckdb.connect("catalog.duckdb", read_only=True)
    names = con.execute(
        """SELECT view_name FROM duckdb_views() WHERE NOT internal
           UNION ALL SELECT table_name FROM duckdb_tables() ORDER BY 1"""
    ).fetchall()
    read = [f'"{name}"' for (name,) in names] + [macro.format(row=sys.argv[2]) for macro in MACROS]
    told = {}
    for name in read:
        cursor = con.execute(f"SELECT * FROM {name}")
        columns = [column[0] for column in cursor.description]
        rows = [json.dumps(list(row), default=str) for row in cursor.fetchall()]
        told[name] = [len(rows), columns, sorted(rows)]
    kinds = ("views() WHERE", "columns() WHERE", "functions() WHERE function_type = 'table_macro' AND")
    comments = [
        con.execute(f"SELECT count(comment), count(*) FROM duckdb_{kind} NOT internal").fetchall()[0] for kind in kinds
    ]
    print(json.dumps({"version": duckdb.__version__, "told": told, "comments": comments}))


if __name__ == "__main__":
    main()
