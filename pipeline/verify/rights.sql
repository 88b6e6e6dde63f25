-- Licences of the samples of a run.

-- name: stated
-- What sources state, and what it was read as, with a sample of each.
SELECT r.license_verbatim, s.license_id, s.license_family, min(s.key) FROM samples s
JOIN records r USING (record_id) GROUP BY ALL ORDER BY ALL

-- name: not_allowed
-- Samples under licences that the recipe does not allow; `unknown` says which are unknown and may not be.
SELECT key, license_id FROM samples
WHERE license_family NOT IN {'allowed'} OR {unknown} ORDER BY 1
