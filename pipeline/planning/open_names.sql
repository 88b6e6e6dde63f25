-- Names that ended rows.

-- name: open_names
CREATE OR REPLACE TEMP TABLE open_names AS
SELECT outcome, coalesce(evidence ->> '$.value', '') AS name, count(*) AS rows FROM {ledger}
WHERE outcome IN {'outcomes'} GROUP BY ALL

-- name: sums
SELECT count(*), coalesce(sum(rows), 0)::BIGINT FROM open_names WHERE outcome = {'outcome'}

-- name: top
SELECT name, rows FROM open_names WHERE outcome = {'outcome'} ORDER BY rows DESC, name LIMIT {most}
