-- The arrived records on disk: which comes before which, and which share a key.
-- Rows are numbered as the files have them.

-- name: sorted
SELECT {"columns"} FROM {table} ORDER BY {"key"}

-- name: records
SELECT file_row_number AS row, {"columns"} FROM read_parquet({'file'}, file_row_number = true)

-- name: media
-- The images of all files in the order of these, where `starts` says with which row each begins.
SELECT start + file_row_number AS row, {"columns"}
FROM {files} JOIN starts USING (filename)

-- name: preferred
-- Every record with its image and label, the preferred ones first: the terms `order` speak of c, m and n.
-- Records are numbered in order of their ids, so that the number stands for the id.
SELECT c.row, m.row AS image, n.label
FROM (SELECT * EXCLUDE (row), row, row AS record_id FROM ({records})) c
JOIN ({media}) m USING (image_id)
JOIN named n USING (name_id)
ORDER BY {order}

-- name: codes
-- A number for the key of every row that has one; equal keys have equal numbers.
SELECT hash({"columns"}) AS code FROM ({rows}) WHERE {given}

-- name: shared
-- The rows that have a key with others, and the first row with that key.
-- `again`: the codes that come more than once, so
-- that only the few rows that may share a key are brought together by it.
WITH keyed AS MATERIALIZED (SELECT * FROM ({rows}) SEMI JOIN again ON code = hash({"columns"}) WHERE {given}),
several AS (SELECT {"columns"}, min(row) AS first FROM keyed GROUP BY ALL HAVING count(*) > 1)
SELECT keyed.row, several.first FROM keyed JOIN several USING ({"columns"})
