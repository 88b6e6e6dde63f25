-- What sheets of evidence ask of the catalog of a run.

-- name: leaks
-- Leaks of the records, with how each record ended.
SELECT l.record_id, l.benchmark, l.item, l.rule, l.distance, l.variant, l.phash_distance, o.outcome
FROM leaks l JOIN ledger o ON o.row_id = l.record_id WHERE l.item IS NOT NULL
ORDER BY l.rule, l.distance, l.record_id LIMIT {most}

-- name: clusters
-- Images that are alike, those that were kept first.
SELECT cluster_id, record_id, outcome, evidence FROM clusters
ORDER BY cluster_id, outcome <> 'kept', record_id

-- name: blob
-- Where the bytes of a record's image lie.
SELECT m.unit, m."offset", m."length" FROM read_parquet('screen/candidates/*.parquet') c
LEFT JOIN read_parquet('fetch/arrived/*.parquet') a USING (record_id)
JOIN read_parquet('fetch/media/*.parquet') m ON m.image_id = coalesce(a.image_id, c.image_id)
WHERE c.record_id = ? AND m."length" > 0 LIMIT 1
