-- What became of a sample.

-- name: outcomes
SELECT source, outcome, count(*) FROM (
  SELECT source, outcome FROM {fetch} UNION ALL SELECT source, outcome FROM {likeness}
  UNION ALL SELECT source, 'kept' FROM {kept})
GROUP BY ALL ORDER BY source, outcome <> 'kept', count(*) DESC, outcome

-- name: pairs
-- Pairs of rows that are the same image, whatever became of them.
SELECT coalesce(sum(n * (n - 1) // 2), 0)::BIGINT FROM (
  SELECT cluster_id, count(DISTINCT record_id) AS n FROM (
    SELECT cluster_id, record_id FROM {clusters} UNION ALL SELECT cluster_id, record_id FROM {quarantine})
  GROUP BY 1)
