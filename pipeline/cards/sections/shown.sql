-- The kept images of a run, with what the sections of a report count of them.

-- name: shown
CREATE OR REPLACE TEMP TABLE shown AS
SELECT key, record_id, source, split, group_id, shard, jpg_offset, jpg_length, jpeg_sha256, accepted_id, accepted_name,
       kingdom, phylum, "class", "order", family, genus, species, license_id, may_share, may_change, may_sell,
       nullif(creator, '') AS creator, event_date, lat, lon, quality, source_width, source_height, country_code
FROM samples

-- name: taxa
CREATE OR REPLACE TEMP TABLE shown_taxa AS
SELECT accepted_id, any_value(accepted_name) AS accepted_name, any_value("class") AS "class",
       any_value(kingdom) AS kingdom, any_value(family) AS family, any_value(genus) AS genus, count(*) AS images,
       count(*) FILTER (split = 'train') AS train, count(*) FILTER (split = 'val') AS val
FROM shown GROUP BY accepted_id
