-- Kept records with a long tail of taxa, drawn by number.

-- name: names
SELECT 'n' || i AS name_id, 'bm:taxon-' || i AS accepted_id, 'Name ' || i AS accepted_name, 'species' AS accepted_rank,
       'bm:taxon-' || i AS species_id, 'g' || i // 5 AS genus_id, 'f' || i // 30 AS family_id, 'o' || i // 100 AS order_id,
       'c' || i // 1000 AS class_id, 'p' AS phylum_id, 'k' AS kingdom_id
FROM range({taxa}) t(i)

-- name: kept
-- Every selection of them is by a hash, so that what is near in number is not near in the table.
SELECT record_id, CASE WHEN i % 5 = 0 THEN 't' ELSE 's' END AS source, record_id AS image_id, record_id AS media_id,
       md5('g' || i // CASE WHEN i % 100 < 30 THEN 3 ELSE 1 END)::UUID::VARCHAR AS group_id,
       'n' || floor({taxa} * pow((hash(i // 3) % 1000003) / 1000003.0, 4))::BIGINT AS name_id
FROM (SELECT i, md5('r' || i)::UUID::VARCHAR AS record_id FROM range({rows}) t(i)) ORDER BY record_id

-- name: records
SELECT md5('r' || i)::UUID::VARCHAR AS record_id, CASE WHEN i % 5 = 0 THEN 't' ELSE 's' END AS source, 'd' AS dataset_key,
       'camera ' || hash(i // 3) % greatest({rows} // 200, 20) AS location_key, 'i' || i % 1000 AS individual_key,
       (hash(i // 3 + 1) % 130000) / 1000.0 - 60 AS lat, (hash(i // 3 + 2) % 360000) / 1000.0 - 180 AS lon,
       (2000 + hash(i + 3) % 24)::INTEGER AS event_year, (1 + hash(i + 4) % 12)::INTEGER AS event_month,
       '12:00:00' AS event_time, (2000 + hash(i + 3) % 24) || '-0' || (1 + hash(i + 4) % 9) || '-01' AS event_date,
       ['Female', 'Male', NULL][(1 + hash(i + 5) % 3)::INTEGER] AS sex, ['CC0', 'CC-BY', 'CC-BY-NC'][(1 + hash(i + 6) % 3)::INTEGER] AS license_family,
       NULL::DOUBLE AS box_x, NULL::VARCHAR AS split_hint, 'm' || i AS media_key, 'o' || i AS occurrence_key,
       'x' || i AS source_record_id
FROM range({rows}) t(i)
