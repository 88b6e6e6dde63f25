-- Which kept images a report shows.

-- name: sample
SELECT m.record_id, m.source, m.shard, m.jpg_offset, m.jpg_length, m.sha256, m.accepted_name, t.images
FROM read_parquet('shards/[m]anifest.parquet') m JOIN (SELECT key FROM shown ORDER BY key LIMIT {most}) s USING (key)
JOIN shown_taxa t USING (accepted_id) ORDER BY key

-- name: keys
SELECT key FROM shown ORDER BY key LIMIT {most}

-- name: of_taxa
-- The first image, by its key, of the taxa that come first.
SELECT m.record_id, m.source, m.shard, m.jpg_offset, m.jpg_length, m.sha256, m.accepted_name, t.images
FROM (SELECT * EXCLUDE (accepted_id) FROM read_parquet('shards/[m]anifest.parquet')) m
JOIN (SELECT accepted_id, t.images, min(s.key) AS key
      FROM shown s JOIN (FROM shown_taxa ORDER BY {order} LIMIT {most}) t USING (accepted_id)
      GROUP BY ALL) t USING (key)
ORDER BY {order}
