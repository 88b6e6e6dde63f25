-- How names were matched.

-- name: matched
SELECT n.match_type, n.taxonomic_status, count(DISTINCT n.name_id) AS names, count(r.record_id) AS records
FROM records r RIGHT JOIN names n USING (name_id) GROUP BY ALL ORDER BY records DESC, n.match_type, n.taxonomic_status

-- name: open
SELECT count(DISTINCT n.name_id), count(r.record_id) 
FROM records r JOIN names n USING (name_id) WHERE n.accepted_id IS NULL

-- name: unresolved
-- Names without a taxon, those of most records first.
SELECT coalesce(nullif(n.scientific_name, ''), nullif(n.canonical_name, ''), '(no name)') AS name, n.name_kind, count(r.record_id) AS records
FROM records r JOIN names n USING (name_id) WHERE n.accepted_id IS NULL
GROUP BY n.name_id, name, n.name_kind ORDER BY records DESC, name, n.name_id LIMIT {most}

-- name: doubtful
-- Matches of the lowest confidence among the names of records.
SELECT n.scientific_name, n.accepted_name, n.confidence, n.runner_up_name, count(r.record_id) AS records
FROM records r JOIN names n USING (name_id)
WHERE n.accepted_id IS NOT NULL AND n.confidence IS NOT NULL AND n.confidence < 100
GROUP BY n.name_id, n.scientific_name, n.accepted_name, n.confidence, n.runner_up_name
ORDER BY n.confidence, records DESC, n.scientific_name, n.name_id LIMIT {most}
