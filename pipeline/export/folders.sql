-- Classes of an export into folders.

-- name: counted
-- Images by class and split.
SELECT {column}, split, count(*) FROM samples JOIN leaving USING (key)
WHERE {column} IS NOT NULL GROUP BY ALL
