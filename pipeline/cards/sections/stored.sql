-- Where the bytes of the records' images lie in what fetch stored.

-- name: stored
SELECT c.record_id, m.unit, m."offset" AS at, m."length" AS size
FROM read_parquet('screen/candidates/*.parquet') c
LEFT JOIN read_parquet('fetch/arrived/*.parquet') a USING (record_id)
JOIN read_parquet('fetch/media/*.parquet') m ON m.image_id = coalesce(a.image_id, c.image_id)
