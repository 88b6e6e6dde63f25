-- The kept images of a run, with what the sections of a report count of them.

-- name: shown
-- What is shown of single images is looked up for those alone: a table of all is spilled where memory is short.
-- The larger table stands first in each join, as it need not be held in memory there.
CREATE OR REPLACE TEMP TABLE shown AS
SELECT k.* EXCLUDE (image_id), f.host, f.quality, f.source_width, f.source_height
FROM read_parquet('fetch/media/*.parquet') f
JOIN (SELECT m.key, m.image_id, m.source, m.split, m.group_id, m.accepted_id, r.may_share, r.may_change, r.may_sell,
             nullif(r.creator, '') AS creator, r.event_date, r.lat, r.lon, r.country_code, r.dataset_key, r.publisher
      FROM records r JOIN read_parquet('shards/[m]anifest.parquet') m USING (record_id)) k USING (image_id)

-- name: taxa
CREATE OR REPLACE TEMP TABLE shown_taxa AS
SELECT accepted_id, any_value("class") AS "class", any_value(kingdom) AS kingdom, any_value(family) AS family,
       any_value(genus) AS genus, count(*) AS images
FROM read_parquet('shards/[m]anifest.parquet') GROUP BY accepted_id

-- name: names
-- Records by their name: several sections count them, and the records are read once.
CREATE OR REPLACE TEMP TABLE shown_names AS SELECT name_id, count(*) AS records FROM records GROUP BY 1

-- name: releases
CREATE OR REPLACE TEMP TABLE shown_releases AS FROM releases
