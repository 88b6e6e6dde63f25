-- The rows that quotas count.

-- name: names
CREATE OR REPLACE TEMP TABLE quota_names AS
SELECT n.name_id, n.accepted_id, {taxon} AS taxon, {per} AS per FROM {names} n

-- name: rows
CREATE OR REPLACE TEMP TABLE quota_rows AS
SELECT k.record_id, k.source, n.taxon, n.per{columns} FROM {kept} k JOIN quota_names n USING (name_id) {joins}

-- name: rarity
-- How many images the taxon has in the same cell of one degree; NULL where the place is not known.
CASE WHEN r.lat IS NOT NULL AND r.lon IS NOT NULL THEN
  count(*) OVER (PARTITION BY n.taxon, floor(r.lat), floor(r.lon)) END

-- name: cell
-- A cosine's last bit may differ between machines; the number of cells that it is rounded to does not.
(floor(({lat} + 90) / {'degrees'})::BIGINT || ' ' || floor((({lon} + 540) % 360) / 360 * greatest(1, round(
  360 / {'degrees'} * cos(radians((floor(({lat} + 90) / {'degrees'}) + 0.5) * {'degrees'} - 90)), 0)))::BIGINT)
