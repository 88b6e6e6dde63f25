-- What a run knows of one row, as `biomill explain` tells it.

-- name: same_medium
-- Other records of the row's medium.
SELECT b.record_id, b.source, b.outcome, b.record_id = b.kept_id AS speaks
FROM media_records a JOIN media_records b USING (media_key)
WHERE a.record_id = ? AND b.record_id <> a.record_id ORDER BY ALL

-- name: media
-- The medium that the row's image was made from: of its addresses the one that a picture came from.
SELECT m.* FROM media m JOIN read_parquet('screen/candidates/*.parquet') c ON c.record_id = $1
WHERE m.image_id = coalesce((SELECT image_id FROM read_parquet('fetch/arrived/*.parquet')
                             WHERE record_id = $1), c.image_id)

-- name: alike
-- Other rows of the cluster $1, by the distance of their hashes to that of the row $2.
WITH hashed AS (SELECT c.record_id, m.pdq FROM read_parquet('screen/candidates/*.parquet') c
                LEFT JOIN read_parquet('fetch/arrived/*.parquet') a USING (record_id)
                JOIN media m ON m.image_id = coalesce(a.image_id, c.image_id))
SELECT c.record_id, c.source, c.outcome, c.evidence,
       bit_count(xor(unhex(h.pdq)::BIT, unhex(own.pdq)::BIT)) AS distance
FROM clusters c LEFT JOIN hashed h ON h.record_id = c.record_id
LEFT JOIN hashed own ON own.record_id = $2
WHERE c.cluster_id = $1 AND c.record_id <> $2 ORDER BY distance NULLS LAST, c.record_id
