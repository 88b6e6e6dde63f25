-- Which row is meant.

-- name: found
-- Rows by their id or its beginning, or by a key of the source.
SELECT DISTINCT row_id FROM ledger WHERE row_id = $1 OR starts_with(row_id, $1)
UNION SELECT record_id FROM records
WHERE record_id = $1 OR starts_with(record_id, $1)
   OR source_record_id = $1 OR source_media_id = $1 OR box_id = $1 OR media_url = $1 ORDER BY 1 LIMIT 20
