-- Whom HEAD requests ask.

-- name: asked
-- The first media of each source, in the order of a seeded hash (`head_order`, a function of the connection).
SELECT p.source, p.store, c.address, coalesce(p.width * p.height, 0)::DOUBLE AS pixels FROM planned_media p
JOIN (SELECT media_id, min(address) AS address FROM {candidates} GROUP BY 1) c USING (media_id)
WHERE p.first AND NOT p.mirrored
QUALIFY row_number() OVER (PARTITION BY p.source ORDER BY head_order(p.media_id), p.media_id) <= {most}
ORDER BY p.source, p.media_id

-- name: whole
-- Media of a source that are wanted first, whether all declare a size, their pixels, and the same where none counts for
-- more than `most`: a size that is declared wrongly is far too large.
SELECT count(*), bool_and(width IS NOT NULL), coalesce(sum(width * height), 0)::DOUBLE,
       coalesce(sum(least(width * height, {'most'})), 0)::DOUBLE
FROM planned_media WHERE first AND source = {'source'}
