-- Samples on their way into new shards.

-- name: moved
-- Rows of the manifest in the order of the new shards; `new_shard` and `new_place` are functions of the connection.
SELECT m.*, m.shard AS from_shard, m.sha256 AS jpeg_sha256,
       new_shard(m.split, m.key) AS new_shard, new_place(m.key) AS new_place {more}
FROM read_parquet('shards/manifest.parquet') m JOIN leaving USING (key) {joins}
ORDER BY new_shard, new_place, key

-- name: shards_of_run
-- How many shards each split has, by the highest number.
SELECT split, max(regexp_extract(shard, '(\d+)\.tar$', 1)::BIGINT) + 1
FROM read_parquet('shards/manifest.parquet') GROUP BY 1 ORDER BY 1
