-- The arrived records on disk, in order of preference, and what is looked up there.

-- name: shared
-- The records that have a key with others: their places, and the first place with that key.
WITH keyed AS (SELECT file_row_number AS place, {"columns"} FROM read_parquet({'file'}, file_row_number = true) WHERE {given}),
several AS (SELECT {"columns"}, min(place) AS first FROM keyed GROUP BY ALL HAVING count(*) > 1)
SELECT keyed.place, several.first FROM keyed JOIN several USING ({"columns"})

-- name: by_id
-- The texts of the records in order of their ids, with their places.
SELECT file_row_number AS place, {"columns"}
FROM read_parquet({'file'}, file_row_number = true) ORDER BY record_id
