-- Classes of the samples that leave.

-- name: accepted
-- Accepted taxa with their names and lineages.
SELECT accepted_id AS id, min(accepted_name), min(accepted_rank), min(kingdom), {lineage}
FROM samples JOIN leaving USING (key) GROUP BY 1

-- name: of_a_rank
-- Taxa of a rank, which are known by their names.
SELECT DISTINCT {column} AS name, {column} AS id FROM samples JOIN leaving USING (key)
WHERE {column} IS NOT NULL ORDER BY 1
