-- What likeness asks of the records whose images arrived.

-- name: labels
-- The distinct labels of all names: the accepted taxon with its ranks, in an order that only they decide.
SELECT DISTINCT accepted_id, {"ranks"} FROM {names} ORDER BY ALL

-- name: named
-- Every name with the place of its label among these.
CREATE OR REPLACE TEMP TABLE named AS
SELECT name_id, {"ranks"}, (dense_rank() OVER (ORDER BY accepted_id, {"ranks"}) - 1)::INTEGER AS label FROM {names}

-- name: arrived
-- Records whose images arrived, with the hashes and places of these, the preferred ones first.
-- `order`: the terms of that, over the aliases n, c and m.
SELECT a.record_id, a.source, a.image_id, a.media_id, m.pdq, unhex(m.phash) AS phash, m.sha256, m.pixel_sha256,
       coalesce(m.quality, -1)::SMALLINT AS quality, m.unit, m."offset", m."length", c.box_x IS NOT NULL AS box,
       c.occurrence_key, c.specimen_key, c.media_key, c.name_id, n.label
FROM {arrived} a
JOIN {media} m USING (image_id)
JOIN {candidates} c USING (record_id)
JOIN named n USING (name_id)
ORDER BY {order}
