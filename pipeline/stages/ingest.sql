-- Rows of releases, and those that became no record.

-- name: rows
-- Rows of every source in a table.
SELECT source, count(*) FROM {table} GROUP BY 1

-- name: malformed
-- Rows of a source with one outcome, by the code of their fault, those of most rows first.
SELECT coalesce(evidence ->> '$.code', 'UNKNOWN') AS code, count(*) AS n, min(raw) AS example,
       min(locator_file || ', row ' || locator_row) AS place
FROM {ledger} WHERE source = ? AND outcome = ? GROUP BY 1 ORDER BY n DESC, 1

-- name: ended
-- All of them with one id each: of rows of one content, or of a record's, the further ones bear a number. Of the ids of
-- records only those are held that rows of the ledger have too.
SELECT CASE WHEN nth = 1 THEN row_id ELSE row_id || '-' || nth END AS row_id, {columns}
FROM (SELECT *, (row_id IN (SELECT record_id FROM {records} WHERE record_id IN (SELECT row_id FROM {ledger})))::INTEGER
             + row_number() OVER (PARTITION BY row_id ORDER BY outcome, evidence, raw, locator_file,
                                  locator_row) AS nth
      FROM {ledger})
ORDER BY row_id
