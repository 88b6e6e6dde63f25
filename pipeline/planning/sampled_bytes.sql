-- Bytes of sampled candidates, by source. A medium that several candidates share is a part of each, as any of them may
-- have brought it into the sample.

-- name: whole
-- Candidates that are asked for first, whether all of their media declare a size, the pixels of these, and the same
-- where no medium counts for more than the largest in the sample: a size that is declared wrongly is far too large.
SELECT w.source, w.images, w.declared, w.pixels, w.within FROM (
  SELECT p.source, sum(p.images)::BIGINT AS images, bool_and(p.width IS NOT NULL) AS declared,
         coalesce(sum(p.width * p.height), 0)::DOUBLE AS pixels,
         coalesce(sum(least(p.width * p.height, s.most)), 0)::DOUBLE AS within
  FROM planned_media p JOIN (
    SELECT c.source, max(p.width * p.height) AS most FROM {candidates} c JOIN planned_media p USING (media_id)
    GROUP BY 1) s ON s.source = p.source
  WHERE p.first GROUP BY 1) w

-- name: sampled
-- Of every sampled candidate its part of the bytes and pixels of its medium, and the bytes of its stored image.
SELECT source, list(bytes ORDER BY record_id), list(pixels ORDER BY record_id), list(stored ORDER BY record_id)
FROM (
  SELECT c.source, c.record_id, coalesce(b.bytes, 0) / p.images AS bytes,
         coalesce(p.width * p.height, 0) / p.images AS pixels, coalesce(m.length, 0) AS stored
  FROM {candidates} c JOIN planned_media p USING (media_id)
  LEFT JOIN (SELECT media_id, max(bytes) AS bytes FROM {media} GROUP BY 1) b USING (media_id)
  LEFT JOIN (SELECT image_id, max(length) AS length FROM {media} GROUP BY 1) m USING (image_id))
GROUP BY 1
