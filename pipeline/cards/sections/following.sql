-- How much there is to look at.

-- name: conflicts
SELECT count(DISTINCT cluster_id) FROM quarantine

-- name: names
SELECT count(DISTINCT name_id) FROM names WHERE accepted_id IS NULL

-- name: near
SELECT count(*) FROM (SELECT (evidence->>'distance')::INT AS d FROM clusters WHERE outcome = 'near_duplicate')
WHERE d = (SELECT max((evidence->>'distance')::INT) FROM clusters WHERE outcome = 'near_duplicate')

-- name: unknown
SELECT count(*) FROM leak_unknown

-- name: placeholders
SELECT count(*) FROM placeholders

-- name: lone
SELECT count(*) FROM shown_taxa WHERE images = 1

-- name: retryable
SELECT count(*) FROM ledger JOIN outcomes USING (outcome) WHERE retryable
