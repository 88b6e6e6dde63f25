-- What an evaluation reads of a run's catalog.

-- name: columns
SELECT column_name FROM (DESCRIBE samples)

-- name: samples
SELECT {"columns"} FROM samples
