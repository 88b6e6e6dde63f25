-- What is wanted of whom, and which earlier answers are used again.

-- name: host
-- The host whose turn an address takes. The scheme's own port is no part of its name: example.org and example.org:443
-- share one turn.
CASE WHEN store = '' AND lower(address[:6]) = 'https:' THEN regexp_replace(host, ':443$', '')
     WHEN store = '' AND lower(address[:5]) = 'http:' THEN regexp_replace(host, ':80$', '')
     ELSE host END

-- name: planned
-- Every image that is wanted, in the order in which units are cut.
SELECT DISTINCT {host} AS host, media_id, store, address, image_id, box_x, box_y, box_w, box_h, again
FROM {wanted} ORDER BY host, store, media_id, image_id

-- name: with_retries
-- What is wanted, with how often it was noted to be asked for again.
SELECT w.*, coalesce(r.times, 0) AS again FROM {wanted} w
LEFT JOIN (SELECT image_id, count(*) AS times FROM {retried} GROUP BY 1) r USING (image_id)

-- name: earlier
-- Answers of an earlier fetch by the rules of a digest: all of them, or those that would be the same again. What an
-- earlier version wrote may lack columns; its digest is another one, so that nothing of it is used.
SELECT {"columns"} FROM read_parquet([{files}], union_by_name = true)
WHERE starts_with(unit, {'digest'}) AND ({'whole'} OR outcome IS NULL OR outcome IN {'lasting'})

-- name: placed
-- The same with the folder in which their images lie, and its place in the order of folders.
SELECT *, {'folder'} AS folder, {place} AS place FROM ({earlier})

-- name: reused
-- Earlier answers to images of the plan that were not noted to be asked for again: images before failures, the nearest
-- folder first.
SELECT {"columns"} FROM (
  SELECT m.*, p.unit AS "into" FROM ({earlier}) m
  JOIN (SELECT image_id, unit FROM read_parquet({'plan'})) p USING (image_id)
  WHERE image_id NOT IN (SELECT image_id FROM {retried})
  QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY m.outcome IS NOT NULL, m.place, m.unit) = 1)
ORDER BY "into", image_id
