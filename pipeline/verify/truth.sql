-- What the stages wrote, joined anew.

-- name: names
-- All names: those that were resolved, and the labels that likeness lowered.
(SELECT * FROM read_parquet('resolve/names/*.parquet')
 UNION ALL BY NAME SELECT * FROM read_parquet('likeness/labels/*.parquet'))

-- name: truth
-- Every decision of select with its record, name and medium, and whether its place is kept back.
read_parquet('select/decisions/*.parquet') d
LEFT JOIN read_parquet('screen/candidates/*.parquet') c ON c.record_id = d.record_id
LEFT JOIN read_parquet('ingest/records/*.parquet') r ON r.record_id = d.record_id
     AND r.locator_file = c.locator_file AND r.locator_row = c.locator_row
LEFT JOIN {names} n ON n.name_id = d.name_id
LEFT JOIN read_parquet('fetch/media/*.parquet') m ON m.image_id = d.image_id
LEFT JOIN read_parquet('select/places/*.parquet') w ON w.record_id = d.record_id
CROSS JOIN privacy v
