-- Bytes of sampled media and images, by source.

-- name: whole
-- Media of all candidates, how many declare their size, their pixels together, and the images of them.
SELECT m.source, m.media, m.declared, m.pixels, i.images FROM (
  SELECT source, count(*) AS media, count(width) AS declared, coalesce(sum(width * height), 0)::DOUBLE AS pixels
  FROM planned_media WHERE first GROUP BY 1) m
JOIN (SELECT source, count(*) AS images FROM planned WHERE first GROUP BY 1) i USING (source)

-- name: fetched
SELECT source, list(bytes ORDER BY media_id), list(pixels ORDER BY media_id) FROM (
  SELECT p.source, p.media_id, max(coalesce(m.bytes, 0)) AS bytes, max(coalesce(p.width * p.height, 0)) AS pixels
  FROM {media} m JOIN planned_media p USING (media_id) GROUP BY ALL)
GROUP BY 1

-- name: stored
SELECT source, list(bytes ORDER BY image_id), list(0 ORDER BY image_id) FROM (
  SELECT p.source, m.image_id, max(coalesce(m.length, 0)) AS bytes FROM {media} m
  JOIN planned_media p USING (media_id) GROUP BY ALL)
GROUP BY 1
