-- Held-out items, and what was kept out because of them.

-- name: held
SELECT benchmark, count(*) AS items, count(*) FILTER (hashed) AS hashed FROM benchmarks GROUP BY 1 ORDER BY 1

-- name: rules
SELECT benchmark, rule, count(DISTINCT record_id) AS records FROM leaks GROUP BY ALL ORDER BY benchmark, rule

-- name: distances
SELECT distance, count(DISTINCT record_id) AS records FROM leaks WHERE distance IS NOT NULL GROUP BY 1 ORDER BY 1

-- name: unknown
SELECT reason, decision, count(*) AS records FROM leak_unknown GROUP BY ALL ORDER BY records DESC, reason, decision

-- name: pairs
-- Dropped images beside the held-out ones that they would have leaked, the farthest apart first.
WITH chosen AS (
  SELECT l.*, o.outcome FROM ledger o JOIN leaks l ON o.row_id = l.record_id
  WHERE o.outcome <> 'placeholder' AND l.record_id IN (SELECT record_id FROM read_parquet('fetch/arrived/*.parquet'))
  ORDER BY l.distance DESC NULLS LAST, l.record_id, l.benchmark, l.item LIMIT {most}),
stored AS ({stored})
SELECT l.record_id, l.source, l.outcome, l.benchmark, l.item, l.rule, l.distance, l.variant,
       s.unit, s.at, s.size, h.thumbnail
FROM chosen l JOIN stored s USING (record_id)
LEFT JOIN read_parquet('holdout/items/*.parquet') h ON h.benchmark = l.benchmark AND h.item = l.item
ORDER BY l.distance DESC NULLS LAST, l.record_id, l.benchmark, l.item

-- name: wanted
SELECT record_id FROM chosen
