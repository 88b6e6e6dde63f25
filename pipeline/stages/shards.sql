-- What shards asks of the decisions, and of what earlier stages know of each sample.

-- name: samples
-- Each decision with its candidate, its record, its names and its medium, and a bound from above of the bytes of its
-- sample, by the lengths of its parts. Joined once, and apart from being sorted: one after the other they spill, both
-- at once they do not fit.
CREATE TEMP TABLE samples AS
SELECT d.record_id, d.image_id, d.group_id, d.name_id, d.split, d.weight, d.accepted_id, {ranks},
       r.source, r.release, r.source_record_id, r.source_media_id, r.box_id, r.box_x, r.box_y, r.box_w, r.box_h,
       r.occurrence_key, r.publisher, r.media_url, r.media_path, r.media_key, r.license_id, r.license_family,
       r.license_verbatim, r.may_share, r.may_change, r.may_sell, r.rights_holder, r.creator, r.source_page,
       r.scientific_name, r.basis_of_record, r.image_category, r.event_date, r.country_code, r.sex, r.life_stage,
       r.dna_bin,
       n.accepted_name, n.accepted_rank, n.match_type, n.vernacular_name, n.taxonomy_build,
       m.sha256 AS source_sha256, m.pixel_sha256, m.stored_sha256, m.phash,
       lower(hex(m.pdq)) AS pdq, m.quality, m.format,
       m.source_width, m.source_height, m.width, m.height, m.unit, m."offset" AS blob_offset, m."length" AS blob_length,
       {place},
       m."length" + octet_length(encode(to_json(r)::VARCHAR)) + {headers}
       + {texts} * (60 + octet_length(encode(concat_ws(' ', n.vernacular_name, {ranks})))) AS bytes
FROM {records} r
JOIN {candidates} c
  ON r.record_id = c.record_id AND r.locator_file = c.locator_file AND r.locator_row = c.locator_row
JOIN {decisions} d ON d.record_id = r.record_id
JOIN {names} n ON n.name_id = d.name_id
JOIN {media} m ON m.image_id = d.image_id
LEFT JOIN {places} w ON w.record_id = d.record_id

-- name: plan
-- Every sample with its shard and its place there, in that order.
SELECT record_id, image_id, group_id, name_id, split, weight, accepted_id, shard_of(split, record_id) AS shard,
       place_of(record_id) AS place,
       * EXCLUDE (record_id, image_id, group_id, name_id, split, weight, accepted_id, bytes)
FROM samples ORDER BY shard, place, record_id

-- name: bounds
-- By which the number of shards is found that keeps each below its limit.
CREATE TEMP TABLE bounds AS SELECT split, shard_hash(record_id) AS hash, bytes FROM samples

-- name: balance
-- Of each source, the samples that were decided and those that were written.
SELECT coalesce(a.source, b.source), coalesce(a.n, 0), coalesce(b.n, 0)
FROM (SELECT source, count(*) n FROM {decisions} GROUP BY 1) a
FULL JOIN (SELECT source, count(*) n FROM read_parquet({'manifest'}) GROUP BY 1) b
  ON a.source = b.source ORDER BY 1
