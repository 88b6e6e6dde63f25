-- What the pictures of a report ask of the catalog of a run. `stored`, where several ask for it: the bytes by record.

-- name: stored
-- Where the bytes of the images of some records lie. `wanted`: a query of their ids.
SELECT w.record_id, m.unit, m."offset" AS at, m."length" AS size
FROM read_parquet('fetch/media/*.parquet') m
JOIN (SELECT record_id, coalesce(a.image_id, c.image_id) AS image_id
      FROM (SELECT record_id, image_id FROM read_parquet('screen/candidates/*.parquet')
            WHERE record_id IN ({wanted})) c
      LEFT JOIN (SELECT record_id, image_id FROM read_parquet('fetch/arrived/*.parquet')
                 WHERE record_id IN ({wanted})) a USING (record_id)) w ON m.image_id = w.image_id

-- name: taxa
-- One kept image of each of the commonest accepted taxa.
SELECT s.shard, s.jpg_offset, s.jpg_length, s.sha256, t.accepted_name, t.images
FROM (FROM taxa ORDER BY images DESC, accepted_id LIMIT {most}) t
JOIN (SELECT accepted_id, min(key) AS key FROM read_parquet('shards/[m]anifest.parquet') GROUP BY 1) k
  USING (accepted_id)
JOIN read_parquet('shards/[m]anifest.parquet') s USING (key) ORDER BY t.images DESC, t.accepted_id

-- name: duplicates
-- Dropped near-duplicates beside the images that stayed, the farthest apart first.
WITH shown AS (
  SELECT *, json_extract_string(evidence, '$.distance')::INT AS distance,
         json_extract_string(evidence, '$.residual')::DOUBLE AS residual
  FROM clusters WHERE outcome = 'near_duplicate' ORDER BY distance DESC NULLS LAST, record_id LIMIT {most}),
stored AS ({stored})
SELECT c.record_id, c.source, d.unit, d.at, d.size, c.other_id, o.source, k.unit, k.at, k.size, distance, residual
FROM clusters o JOIN shown c ON o.record_id = c.other_id
JOIN stored d ON d.record_id = c.record_id JOIN stored k ON k.record_id = c.other_id
ORDER BY distance DESC NULLS LAST, c.record_id

-- name: duplicates_wanted
SELECT record_id FROM shown UNION ALL SELECT other_id FROM shown

-- name: leaks
-- Dropped images beside the held-out ones that they would have leaked, the farthest apart first.
WITH shown AS (
  SELECT l.*, o.outcome FROM ledger o JOIN leaks l ON o.row_id = l.record_id
  WHERE o.outcome <> 'placeholder' AND l.record_id IN (SELECT record_id FROM read_parquet('fetch/arrived/*.parquet'))
  ORDER BY l.distance DESC NULLS LAST, l.record_id, l.benchmark, l.item LIMIT {most}),
stored AS ({stored})
SELECT l.record_id, l.source, l.outcome, l.benchmark, l.item, l.rule, l.distance, l.variant,
       s.unit, s.at, s.size, h.thumbnail
FROM shown l JOIN stored s USING (record_id)
LEFT JOIN read_parquet('holdout/items/*.parquet') h ON h.benchmark = l.benchmark AND h.item = l.item
ORDER BY l.distance DESC NULLS LAST, l.record_id, l.benchmark, l.item

-- name: leaks_wanted
SELECT record_id FROM shown

-- name: placeholders
-- What hosts gave in the place of pictures, that of most images first, and a held-out item that is like it.
SELECT p.host, p.images, p.taxa, p.genera, p.sentence, l.item, m.unit, m."offset", m."length"
FROM read_parquet('fetch/media/*.parquet') m JOIN placeholders p USING (image_id)
LEFT JOIN (SELECT g.rule, g.host, g.value, min(l.benchmark || '/' || l.item) AS item FROM leaks l
           JOIN read_parquet('screen/candidates/*.parquet') c USING (record_id)
           JOIN read_parquet('fetch/placeholders/*.parquet') g USING (image_id) GROUP BY ALL) l
  ON l.rule = p.rule AND l.host = p.host AND l.value = p.value
ORDER BY p.images DESC, p.host, p.rule, p.value LIMIT {most}
