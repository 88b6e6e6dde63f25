-- What became of a sample.

-- name: outcomes
SELECT * FROM (
  SELECT source, outcome, count(*) AS rows FROM (
    SELECT source, outcome FROM {fetch} UNION ALL SELECT source, outcome FROM {likeness}
    UNION ALL SELECT source, 'kept' FROM {kept})
  GROUP BY ALL)
ORDER BY source, outcome <> 'kept', rows DESC, outcome

-- name: alike
-- Sampled rows that are the same image as another, whatever became of them: by group of the same, and source.
WITH members AS (
  SELECT DISTINCT cluster_id, source, record_id FROM (
    SELECT cluster_id, source, record_id FROM {clusters}
    UNION ALL SELECT cluster_id, source, record_id FROM {quarantine}))
SELECT cluster_id, source, count(*) FROM members
WHERE cluster_id IN (SELECT cluster_id FROM members GROUP BY 1 HAVING count(*) > 1) GROUP BY ALL ORDER BY ALL
