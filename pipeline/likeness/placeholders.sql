-- What likeness asks of the records that ended as placeholder.

-- name: pictures
-- The pictures that these records were given, each once, with the hashes of one of its images.
SELECT sha256, pixel_sha256, arg_min(pdq, image_id) AS pdq, arg_min(phash, image_id) AS phash,
       arg_min(quality, image_id) AS quality
FROM ({ended}) GROUP BY ALL ORDER BY sha256, pixel_sha256

-- name: leaks
-- Leaks of the records by the leaks of their pictures, which the table `leaking` holds.
SELECT e.record_id, e.source, l.benchmark, l.item, l.rule, l.distance, l.variant, l.phash_distance
FROM ({ended}) e JOIN leaking l USING (sha256, pixel_sha256) ORDER BY e.record_id

-- name: ended
-- Records that ended as placeholder, with the picture that each was given.
SELECT c.record_id, c.source, m.image_id, m.sha256, m.pixel_sha256, m.pdq, m.phash, m.quality
FROM {ledger} l
JOIN {candidates} c ON c.record_id = l.row_id
JOIN {media} m ON m.image_id = c.image_id
WHERE l.outcome = {'placeholder'}
