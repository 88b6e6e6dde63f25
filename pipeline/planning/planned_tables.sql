-- What every part of a plan counts.

-- name: planned
-- A row per candidate, with what its record declares. A size that no picture has, or that is not decoded, is none.
CREATE OR REPLACE TEMP TABLE planned AS
SELECT c.source, c.media_id, c.store, c.host, c.mirrored, {first} AS first,
       CASE WHEN {sized} THEN r.media_width::BIGINT END AS width,
       CASE WHEN {sized} THEN r.media_height::BIGINT END AS height,
       c.box_w, c.box_h, c.occurrence_key, coalesce(nullif(r.license_family, ''), 'UNKNOWN') AS family,
       r.may_share, r.may_change, r.may_sell, n.accepted_id, n.accepted_name, n.accepted_rank
FROM (SELECT record_id, locator_file, locator_row, source, media_id, store, {host} AS host, box_w, box_h, name_id,
             occurrence_key, store = '' AND ({mirrored}) AS mirrored FROM {candidates}) c
JOIN {records} r USING (record_id, locator_file, locator_row)
JOIN {names} n ON n.name_id = c.name_id
{ordered}

-- name: sized
least(r.media_width, r.media_height) > 0 AND r.media_width::BIGINT * r.media_height <= {most}

-- name: counted
SELECT (SELECT count(*) FROM planned), (SELECT count(*) FROM {candidates})

-- name: planned_media
-- A row per medium; of several sources that name it, the first by name is charged with it.
CREATE OR REPLACE TEMP TABLE planned_media AS
SELECT media_id, store, host, bool_or(mirrored) AS mirrored, bool_or(first) AS first, min(source) AS source,
       max(width) AS width, max(height) AS height, count(*) AS images
FROM planned GROUP BY media_id, store, host
