-- Who stays of the records that arrived.

-- name: kept
-- What likeness leaves, as the conditions on pictures ask it: under its own label.
SELECT a.record_id, a.source, a.image_id, c.name_id
FROM {arrived} a JOIN {candidates} c USING (record_id) ANTI JOIN gone USING (record_id)
