-- Which kept images a report shows.

-- name: sample
SELECT s.record_id, s.source, s.shard, s.jpg_offset, s.jpg_length, s.jpeg_sha256, s.accepted_name, t.images
FROM (FROM shown ORDER BY key LIMIT {most}) s JOIN shown_taxa t USING (accepted_id) ORDER BY s.key

-- name: keys
SELECT key FROM shown ORDER BY key LIMIT {most}

-- name: of_taxa
-- The first image, by its key, of the taxa that come first.
SELECT s.record_id, s.source, s.shard, s.jpg_offset, s.jpg_length, s.jpeg_sha256, s.accepted_name, t.images
FROM (FROM shown_taxa ORDER BY {order} LIMIT {most}) t
JOIN (SELECT accepted_id, min(key) AS key FROM shown GROUP BY 1) k USING (accepted_id)
JOIN shown s ON s.key = k.key ORDER BY {order}
