-- How names were matched.

-- name: matched
SELECT n.match_type, n.taxonomic_status, count(DISTINCT n.name_id) AS names,
       coalesce(sum(r.records), 0)::BIGINT AS records
FROM names n LEFT JOIN shown_names r USING (name_id)
GROUP BY ALL ORDER BY records DESC, n.match_type, n.taxonomic_status

-- name: open
SELECT count(DISTINCT n.name_id), coalesce(sum(r.records), 0)::BIGINT
FROM names n JOIN shown_names r USING (name_id) WHERE n.accepted_id IS NULL

-- name: unresolved
-- Names without a taxon, those of most records first.
SELECT coalesce(nullif(n.scientific_name, ''), nullif(n.canonical_name, ''), '(no name)') AS name, n.name_kind,
       r.records
FROM names n JOIN {records} r USING (name_id) WHERE n.accepted_id IS NULL
ORDER BY r.records DESC, name, n.name_id LIMIT {most}

-- name: records
(SELECT name_id, count(*) AS records FROM records GROUP BY 1)

-- name: doubtful
-- Matches of the lowest confidence among the names of records.
SELECT n.scientific_name, n.accepted_name, n.confidence, n.runner_up_name, r.records
FROM names n JOIN shown_names r USING (name_id)
WHERE n.accepted_id IS NOT NULL AND n.confidence IS NOT NULL AND n.confidence < 100
ORDER BY n.confidence, r.records DESC, n.scientific_name, n.name_id LIMIT {most}
