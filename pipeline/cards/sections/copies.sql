-- Images that went because another one stayed.

-- name: dropped
SELECT count(*), count(*) FILTER (outcome = 'exact_duplicate') FROM clusters
WHERE outcome IN ('exact_duplicate', 'near_duplicate')

-- name: distances
SELECT (evidence->>'distance')::INT AS distance,
       coalesce(floor((evidence->>'residual')::DOUBLE), 0)::INT AS residual, count(*) AS images
FROM clusters WHERE outcome = 'near_duplicate' AND evidence->>'distance' IS NOT NULL
GROUP BY ALL ORDER BY distance, residual

-- name: clusters
-- Clusters, of what stayed and what went, by their images.
SELECT size, count(*) AS clusters
FROM (SELECT count(*) AS size FROM clusters GROUP BY cluster_id
      HAVING bool_or(outcome IN ('exact_duplicate', 'near_duplicate')))
GROUP BY 1 ORDER BY 1

-- name: sources
SELECT c.source AS dropped, o.source AS kept, count(*) AS images
FROM clusters c JOIN clusters o ON o.record_id = c.other_id
WHERE c.outcome IN ('exact_duplicate', 'near_duplicate') GROUP BY ALL ORDER BY ALL
LIMIT 65536

-- name: pairs
-- Dropped near-duplicates beside the images that stayed, the farthest apart first.
WITH chosen AS (
  SELECT *, (evidence->>'distance')::INT AS distance, (evidence->>'residual')::DOUBLE AS residual
  FROM clusters WHERE outcome = 'near_duplicate'
  ORDER BY distance DESC NULLS LAST, residual DESC NULLS LAST, record_id LIMIT {most}),
stored AS ({stored})
SELECT c.record_id, c.source, d.unit, d.at, d.size, c.other_id, o.source, k.unit, k.at, k.size, distance, residual
FROM clusters o JOIN chosen c ON o.record_id = c.other_id
JOIN stored d ON d.record_id = c.record_id JOIN stored k ON k.record_id = c.other_id
ORDER BY distance DESC NULLS LAST, residual DESC NULLS LAST, c.record_id

-- name: wanted
SELECT record_id FROM chosen UNION ALL SELECT other_id FROM chosen
