-- What a search for neighbours asks of a run's catalog.

-- name: samples
SELECT key, accepted_id, accepted_name, split::VARCHAR AS split, group_id::VARCHAR AS group_id
FROM samples
ORDER BY key
