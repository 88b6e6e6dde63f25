-- Whom HEAD requests ask.

-- name: asked
-- The first media of each source, in the order of a seeded hash (`head_order`, a function of the connection).
SELECT p.source, p.media_id, c.address FROM planned_media p
JOIN (SELECT media_id, min(address) AS address FROM {candidates} WHERE store = '' GROUP BY 1) c USING (media_id)
WHERE p.first AND p.store = '' AND NOT p.mirrored
QUALIFY row_number() OVER (PARTITION BY p.source ORDER BY head_order(p.media_id), p.media_id) <= {most}
ORDER BY p.source, p.media_id

-- name: media
SELECT source, count(*) FROM planned_media WHERE first GROUP BY 1
