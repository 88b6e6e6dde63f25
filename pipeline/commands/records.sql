-- One release without a recipe: the rows that became no record.

-- name: rejects
-- Every such row with the code of its fault, or its outcome where it has none.
SELECT row_id, source, {'release'} AS release, locator_file AS file, locator_row AS row,
       locator_offset AS byte_offset, upper(coalesce(evidence ->> '$.code', outcome)) AS code, outcome,
       evidence, other_id, raw
FROM {ledger} ORDER BY row_id, file, row

-- name: codes
-- Rejects by code, those of most rows first, with the place of one.
SELECT code, count(*) AS n, arg_min(file || ', row ' || row, (row_id, row)) FROM ({rejects})
GROUP BY 1 ORDER BY n DESC, code
