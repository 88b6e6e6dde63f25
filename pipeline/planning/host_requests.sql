-- Who would be asked.

-- name: hosts
-- Media by the host whose turn they take, and how many of them a mirror may hold.
SELECT host, count(*) FILTER (NOT mirrored), count(*) FILTER (mirrored) FROM planned_media
WHERE first AND store = '' GROUP BY 1 ORDER BY 1

-- name: stores
SELECT store, count(*) FROM planned_media WHERE first AND store <> '' GROUP BY 1 ORDER BY 1

-- name: media
-- Media that are asked for first, those that stand by, and the pixels of the first, where `assumed` stands in for those
-- that declare none.
SELECT count(*) FILTER (first), count(*) FILTER (NOT first),
       coalesce(sum(coalesce(width * height, {assumed})) FILTER (first), 0)::DOUBLE
FROM planned_media
