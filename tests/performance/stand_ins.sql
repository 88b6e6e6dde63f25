-- What fetch and shards leave, drawn from what was planned: pictures that were never fetched, tars that were never written.

-- name: images
-- The rows of a round's plan, numbered. Of 400 in a row three look like the one before, one of them under other bytes of
-- the same pixels.
CREATE OR REPLACE TEMP TABLE images AS
SELECT n, image_id, unit, CASE WHEN n % 400 IN (101, 102, 201) THEN n - n % 400 + 100 ELSE n END AS shown
FROM (SELECT image_id, unit, file_row_number AS n FROM read_parquet({'plan'}, file_row_number = true))

-- name: media
-- One part of the answers to them, in the order of the units.
SELECT p.image_id, p.media_id, p.host, p.address, NULL::VARCHAR AS outcome, NULL::VARCHAR AS detail,
       200::INTEGER AS status, 1::INTEGER AS attempts, p.address AS final_url, 'image/jpeg' AS content_type,
       100_000 + i.n % 1000 AS bytes, sha256(i.n::VARCHAR) AS sha256, 'JPEG' AS format, 1024::INTEGER AS source_width,
       768::INTEGER AS source_height, 64::INTEGER AS width, 64::INTEGER AS height, md5('u' || shown)[:16] AS phash,
       unhex(CASE WHEN shown <> i.n AND i.n % 400 <> 201 THEN lpad((i.n % 400)::VARCHAR, 4, '0') || md5('s' || shown)[5:]
             ELSE md5('s' || shown) END || md5('t' || shown)) AS pdq,
       100::INTEGER AS quality, 'many' AS colours, 50::DOUBLE AS sharpness, 120::DOUBLE AS brightness,
       60::DOUBLE AS contrast, 30::DOUBLE AS colourfulness, 7::DOUBLE AS entropy, 0::DOUBLE AS border_share,
       sha256('p' || CASE WHEN i.n % 400 = 201 THEN shown ELSE i.n END) AS pixel_sha256,
       {'encoded'} AS stored_sha256,
       p.unit, 0::BIGINT AS "offset", {length}::BIGINT AS "length"
FROM read_parquet({'plan'}) p JOIN images i USING (image_id) JOIN part_units u ON u.unit = p.unit
ORDER BY p.unit, p.image_id

-- name: index
-- The units of a part.
SELECT unit, count(*) AS rows, any_value(host) AS host, count(DISTINCT media_id) AS media, 0::BIGINT AS untried,
       json_object({'stored'}, count(*))::VARCHAR AS counts
FROM read_parquet({'part'}) GROUP BY unit ORDER BY unit

-- name: manifest
-- The manifest of the shards that were planned.
SELECT replace(record_id, '-', '') AS key, record_id, source, image_id, shard,
       (row_number() OVER (PARTITION BY shard ORDER BY place, record_id) - 1) * 10_240 AS "offset",
       10_240::BIGINT AS length, (row_number() OVER (PARTITION BY shard ORDER BY place, record_id) - 1) * 10_240 + 512
       AS jpg_offset, blob_length AS jpg_length, pixel_sha256 AS sha256, width, height, accepted_id, group_id, name_id,
       split, weight, accepted_name, accepted_rank, {ranks}, vernacular_name, license_id
FROM read_parquet({'plan'}) ORDER BY shard, place, record_id
