-- How scores are joined to records `r`.

-- name: record_key
(r.source || ':' || r.source_record_id)

-- name: file_name
-- What follows the last slash of the path in a store, else of the address without its query.
regexp_replace(coalesce(nullif(r.media_path, ''), regexp_replace(r.media_url, '[?#].*$', '')), '^.*[/\\]', '')

-- name: join
LEFT JOIN {"table"} {"alias"} ON {"alias"}.key = {key}

-- name: of_candidates
-- Candidates that have scores; of rows that state the same record, the one that the candidate is.
SELECT c.record_id, s.* EXCLUDE (key) FROM {candidates} c
JOIN {records} r ON r.record_id = c.record_id AND r.locator_file = c.locator_file AND r.locator_row = c.locator_row
JOIN {"table"} s ON s.key = {key} ORDER BY c.record_id

-- name: counted
-- Rows of the file, and those whose key a record has.
SELECT count(*), count(k.key) FROM {"table"} s
LEFT JOIN (SELECT DISTINCT {key} AS key FROM {records} r) k ON k.key = s.key
