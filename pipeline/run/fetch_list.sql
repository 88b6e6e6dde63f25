-- A list of URLs: what is fetched of it, and what became of its rows.

-- name: wanted
-- Media to ask for, each once, in the columns that a plan has.
SELECT DISTINCT host, media_id, '' AS store, trim(url) AS address, image_id, NULL::DOUBLE AS box_x,
       NULL::DOUBLE AS box_y, NULL::DOUBLE AS box_w, NULL::DOUBLE AS box_h
FROM read_parquet({'urls'}) WHERE outcome IS NULL

-- name: outcomes
-- One row per row of the list, before the list's own columns.
SELECT u.row, u.url, coalesce(u.outcome, m.outcome, {'stored'}) AS outcome,
       coalesce(u.detail, m.detail) AS detail, u.host, {columns},
       CASE WHEN u.outcome IS NULL AND m.outcome IS NULL
            THEN 'images/' || u.media_id[:2] || '/' || u.media_id || '.jpg' END AS file,
       CASE WHEN m.outcome = 'placeholder' THEN 'listed' ELSE s.rule END AS placeholder,
       l.* EXCLUDE (row)
FROM read_parquet({'urls'}) u
LEFT JOIN {media} m ON m.image_id = u.image_id
LEFT JOIN {alike} s ON s.image_id = u.image_id
JOIN {listed} l ON l.row = u.row

-- name: counted
-- Rows, those with an image, and those whose image looks like a placeholder.
SELECT count(*), count(*) FILTER (outcome = {'stored'}),
       count(*) FILTER (outcome = {'stored'} AND placeholder IS NOT NULL) FROM {outcomes}
