-- What likeness asks of the records whose images arrived.

-- name: arrived
-- Records whose images arrived, with the hashes and places of these, the preferred ones first.
-- `order`: the terms of that, over the aliases n, c and m.
SELECT a.record_id, a.source, a.image_id, a.media_id, m.pdq, m.phash, m.quality, m.sha256, m.pixel_sha256,
       m.unit, m."offset", m."length", c.box_x IS NOT NULL AS box, c.occurrence_key, c.specimen_key,
       c.media_key, c.name_id, n.accepted_id, {"ranks"}
FROM {arrived} a
JOIN {media} m USING (image_id)
JOIN {candidates} c USING (record_id)
JOIN {names} n USING (name_id)
ORDER BY {order}
