-- What the prompt tells of a catalog.

-- name: tables
-- Views, tables and macros, and what they hold.
SELECT view_name AS name, comment AS holds FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'
UNION ALL SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'main'
UNION ALL SELECT DISTINCT function_name || '(' || array_to_string(parameters, ', ') || ')', comment
FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal ORDER BY 1

-- name: columns
-- Columns, and what they hold; `which` goes on with the condition.
SELECT table_name AS name, column_name AS "column", data_type AS type, comment AS holds
FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main' {which} ORDER BY table_name, column_index

-- name: names
-- Names to complete a word with.
SELECT table_name FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'
UNION SELECT column_name FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'
UNION SELECT function_name || '(' FROM duckdb_functions()
WHERE function_type = 'table_macro' AND NOT internal
ORDER BY 1
