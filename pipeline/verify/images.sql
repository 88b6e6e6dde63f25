-- Where the bytes of every sample's image lie, and what the manifest says of them. `found` is the walk over the tars.

-- name: stored
-- The place in fetch's blobs, in the order of the blobs, and the digest taken where the image was encoded.
SELECT f.shard || ', ' || f.key, f.jpg_sha256, m.stored_sha256, m.unit, m."offset", m."length"
FROM found f JOIN read_parquet('select/decisions/*.parquet') d ON d.record_id = f.key
JOIN read_parquet('fetch/media/*.parquet') m ON m.image_id = d.image_id
ORDER BY m.unit, m."offset", f.key

-- name: changed
-- Images that have not the SHA-256 of the manifest.
SELECT f.shard, f.key || '.jpg', 'has not the SHA-256 of the manifest'
FROM found f JOIN read_parquet('shards/manifest.parquet') m USING (key)
WHERE f.jpg_sha256 IS DISTINCT FROM m.sha256 ORDER BY ALL
