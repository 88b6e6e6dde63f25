-- What a search for neighbours asks of a run's catalog.

-- name: samples
SELECT key, accepted_id, accepted_name, split::VARCHAR AS split, group_id::VARCHAR AS group_id
FROM samples
ORDER BY key

-- name: chosen
SELECT DISTINCT key::VARCHAR AS key FROM ({query}) WHERE key IS NOT NULL
