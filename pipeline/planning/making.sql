-- What a plan asks of its own tables.

-- name: counts
SELECT images FROM planned_taxa ORDER BY images

-- name: of_occurrences
-- Candidates that would go with so many leaking ones of their occurrence, at most.
SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (
  SELECT count(*) AS n FROM planned WHERE occurrence_key <> '' GROUP BY source, occurrence_key HAVING count(*) > 1
  ORDER BY n DESC LIMIT {leaks})
