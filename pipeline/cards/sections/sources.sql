-- What a run was made from.

-- name: releases
SELECT source, coalesce(release, '') AS release, records, images FROM shown_releases ORDER BY ALL

-- name: datasets
SELECT source, dataset_key, coalesce(min(publisher), ''), count(*) AS images FROM shown
WHERE coalesce(dataset_key, '') <> '' GROUP BY source, dataset_key
ORDER BY images DESC, source, dataset_key LIMIT {most}

-- name: placeholders
-- What hosts gave in the place of pictures, that of most images first, and a held-out item that is like it.
SELECT p.host, p.images, p.taxa, p.genera, p.sentence, l.item, m.unit, m."offset", m."length"
FROM read_parquet('fetch/media/*.parquet') m JOIN placeholders p USING (image_id)
LEFT JOIN (SELECT g.rule, g.host, g.value, min(l.benchmark || '/' || l.item) AS item FROM leaks l
           JOIN read_parquet('screen/candidates/*.parquet') c USING (record_id)
           JOIN read_parquet('fetch/placeholders/*.parquet') g USING (image_id) GROUP BY ALL) l
  ON l.rule = p.rule AND l.host = p.host AND l.value = p.value
ORDER BY p.images DESC, p.host, p.rule, p.value LIMIT {most}
