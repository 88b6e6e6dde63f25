"""Questions about a run, answered as Arrow tables: `python examples/ask_with_sql.py RUN`.

The views and their columns are in docs/catalog.md; a run that is not finished answers with what there is.
"""

import sys

import duckdb

import biomill

run = biomill.open_run(sys.argv[1])

# An answer is a pyarrow Table: `.to_pandas()` and Polars' `from_arrow` take it as it is.
taxa = run.sql("SELECT accepted_name, images, sources FROM taxa ORDER BY images DESC, accepted_name LIMIT 5")
print("the taxa with the most images")
for row in taxa.to_pylist():
    print(f"  {row['images']:>4}  {row['accepted_name']} ({row['sources']})")

# Values stand apart from the question, so that a name with a quote in it is no SQL.
wanted = "Puma concolor"
count = run.sql("SELECT count(*) AS images FROM samples WHERE accepted_name = ?", [wanted])["images"][0].as_py()
print(f"images of {wanted}: {count}")

# How the rows of each source ended.
ended = run.sql("SELECT source, outcome, count(*) AS rows FROM ledger GROUP BY ALL")

# DuckDB asks Arrow tables by the names of Python's variables: what the catalog does not join, a script can.
share = duckdb.execute("""
    SELECT source, round(100 * sum(rows) FILTER (outcome = 'kept') / sum(rows), 1) AS kept
    FROM ended GROUP BY 1 ORDER BY 2 DESC, 1
""").fetchall()
print("rows that were kept, in percent")
for source, percent in share:
    print(f"  {percent:>5}  {source}")

# What is wrong with a question is said with what was meant.
try:
    run.sql("FROM sampels")
except biomill.RunError as error:
    print(error.remedy)
