-- Run folders up to the fetch of any number of images, without pictures: all that likeness reads.
-- Of 400 images in a row two are near copies of the one before, one of them under another name, one has its pixels, one
-- its bytes. Every eighth occurrence has two images, every fifth image is a box.

-- name: images
CREATE OR REPLACE VIEW images AS
SELECT i, CASE WHEN i % 400 IN (101, 102, 201) THEN i - i % 400 + 100 ELSE i END AS shown, i % 400 = 103 AS copied,
       md5(i::VARCHAR) AS one, md5('m' || i) AS two
FROM range({count}) t(i)

-- name: media
SELECT one[:8] || '-' || one[9:12] || '-' || one[13:16] || '-' || one[17:20] || '-' || one[21:] AS image_id,
       'gbif' AS source, two[:8] || '-' || two[9:12] || '-' || two[13:16] || '-' || two[17:20] || '-' || two[21:] AS media_id,
       unhex(CASE WHEN shown <> i AND i % 400 <> 201 THEN lpad((i % 400)::VARCHAR, 4, '0') || md5('s' || shown)[5:]
             ELSE md5('s' || shown) END || md5('t' || shown)) AS pdq,
       md5('u' || shown)[:16] AS phash, 100 AS quality, 'many' AS colours, 1024 AS source_width, 768 AS source_height,
       720 AS width, 540 AS height, 100_000 + i % 1000 AS bytes,
       sha256((CASE WHEN copied THEN i - 1 ELSE i END)::VARCHAR) AS sha256,
       sha256('p' || CASE WHEN i % 400 = 201 THEN shown ELSE i END) AS pixel_sha256,
       'all' AS unit, 0::BIGINT AS "offset", {length}::BIGINT AS "length"
FROM images

-- name: candidates
SELECT md5('r' || i)[:8] || '-' || md5('r' || i)[9:12] || '-5' || two[14:16] || '-' || two[17:20] || '-' || one[21:] AS record_id,
       'gbif' AS source, one[:8] || '-' || one[9:12] || '-' || one[13:16] || '-' || one[17:20] || '-' || one[21:] AS image_id,
       two[:8] || '-' || two[9:12] || '-' || two[13:16] || '-' || two[17:20] || '-' || two[21:] AS media_id,
       CASE WHEN i % 5 = 4 THEN 1.0 END AS box_x, (5_000_000_000 + i - i // 9)::VARCHAR AS occurrence_key,
       NULL::VARCHAR AS specimen_key, 'url:' || two AS media_key, 'CC-BY' AS license_family, 0::TINYINT AS provenance,
       'name-' || (CASE WHEN i % 400 = 102 THEN i ELSE shown END % {names}) AS name_id
FROM images

-- name: names
SELECT 'name-' || i AS name_id, 't:species-' || i AS accepted_id, 't:life' AS kingdom_id, 't:phylum-' || i % 7 AS phylum_id,
       't:class-' || i % 20 AS class_id, 't:order-' || i % 60 AS order_id, 't:family-' || i % 200 AS family_id,
       't:genus-' || i % 900 AS genus_id, 't:species-' || i AS species_id
FROM range({names}) t(i)
