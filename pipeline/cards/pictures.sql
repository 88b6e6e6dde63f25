-- What the pictures of a report ask of the catalog of a run. `stored`, where several ask for it: the bytes by record.

-- name: stored
-- Where the bytes of the records' images lie.
SELECT c.record_id, m.unit, m."offset" AS at, m."length" AS size
FROM read_parquet('screen/candidates/*.parquet') c
LEFT JOIN read_parquet('fetch/arrived/*.parquet') a USING (record_id)
JOIN read_parquet('fetch/media/*.parquet') m ON m.image_id = coalesce(a.image_id, c.image_id)

-- name: taxa
-- One kept image of each of the commonest accepted taxa.
SELECT s.shard, s.jpg_offset, s.jpg_length, s.jpeg_sha256, t.accepted_name, t.images
FROM (FROM taxa ORDER BY images DESC, accepted_id LIMIT {most}) t
JOIN (SELECT accepted_id, min(key) AS key FROM samples GROUP BY 1) k USING (accepted_id)
JOIN samples s USING (key) ORDER BY t.images DESC, t.accepted_id

-- name: duplicates
-- Dropped near-duplicates beside the images that stayed, the farthest apart first.
WITH stored AS ({stored})
SELECT c.record_id, c.source, d.unit, d.at, d.size, c.other_id, o.source, k.unit, k.at, k.size,
       json_extract_string(c.evidence, '$.distance')::INT AS distance,
       json_extract_string(c.evidence, '$.residual')::DOUBLE AS residual
FROM clusters c JOIN stored d ON d.record_id = c.record_id JOIN stored k ON k.record_id = c.other_id
JOIN clusters o ON o.record_id = c.other_id
WHERE c.outcome = 'near_duplicate' ORDER BY distance DESC NULLS LAST, c.record_id LIMIT {most}

-- name: leaks
-- Dropped images beside the held-out ones that they would have leaked, the farthest apart first.
WITH stored AS ({stored})
SELECT l.record_id, l.source, o.outcome, l.benchmark, l.item, l.rule, l.distance, l.variant,
       s.unit, s.at, s.size, h.thumbnail
FROM leaks l JOIN stored s USING (record_id) JOIN ledger o ON o.row_id = l.record_id
LEFT JOIN read_parquet('holdout/items/*.parquet') h ON h.benchmark = l.benchmark AND h.item = l.item
WHERE o.outcome <> 'placeholder'
ORDER BY l.distance DESC NULLS LAST, l.record_id, l.benchmark, l.item LIMIT {most}

-- name: placeholders
-- What hosts gave in the place of pictures, that of most images first, and a held-out item that is like it.
SELECT p.host, p.images, p.taxa, p.genera, p.sentence, l.item, m.unit, m."offset", m."length"
FROM placeholders p JOIN read_parquet('fetch/media/*.parquet') m USING (image_id)
LEFT JOIN (SELECT g.rule, g.host, g.value, min(l.benchmark || '/' || l.item) AS item FROM leaks l
           JOIN read_parquet('screen/candidates/*.parquet') c USING (record_id)
           JOIN read_parquet('fetch/placeholders/*.parquet') g USING (image_id) GROUP BY ALL) l
  ON l.rule = p.rule AND l.host = p.host AND l.value = p.value
ORDER BY p.images DESC, p.host, p.rule, p.value LIMIT {most}
