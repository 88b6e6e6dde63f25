-- Where the pictures of a report of an evaluation lie, and whom to name for them.

-- name: of_catalog
SELECT key, shard, jpg_offset, jpg_length, jpeg_sha256,
       source, license_id, creator, rights_holder, source_page, media_url
FROM samples
WHERE key IN {'keys'}
