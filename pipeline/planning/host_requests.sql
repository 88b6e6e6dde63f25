-- Who would be asked.

-- name: hosts
-- Media by the host whose turn they take, and how many of them a mirror may hold.
SELECT host, count(*) FILTER (NOT mirrored), count(*) FILTER (mirrored) FROM planned_media
WHERE first AND store = '' GROUP BY 1 ORDER BY 1

-- name: stores
SELECT store, count(*) FROM planned_media WHERE first AND store <> '' GROUP BY 1 ORDER BY 1

-- name: media
-- Media that are asked for first, those that stand by, and the declared pixels of the first (null: none declares any).
SELECT count(*) FILTER (first), count(*) FILTER (NOT first), avg(width * height) FILTER (first)
FROM planned_media
