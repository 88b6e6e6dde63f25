-- Where the bytes of the records' images lie in what fetch stored.

-- name: stored
-- `wanted`: a query of the ids of the records.
SELECT w.record_id, m.unit, m."offset" AS at, m."length" AS size
FROM read_parquet('fetch/media/*.parquet') m
JOIN (SELECT record_id, coalesce(a.image_id, c.image_id) AS image_id
      FROM (SELECT record_id, image_id FROM read_parquet('screen/candidates/*.parquet')
            WHERE record_id IN ({wanted})) c
      LEFT JOIN (SELECT record_id, image_id FROM read_parquet('fetch/arrived/*.parquet')
                 WHERE record_id IN ({wanted})) a USING (record_id)) w ON m.image_id = w.image_id
