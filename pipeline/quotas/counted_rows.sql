-- The rows that quotas count.

-- name: names
CREATE OR REPLACE TEMP TABLE quota_names AS
SELECT n.name_id, n.accepted_id, {taxon} AS taxon, {per} AS per FROM {names} n

-- name: rows
-- `taxon`: what images are counted of, which may be a part of a taxon; `own`: the taxon itself.
CREATE OR REPLACE TEMP TABLE quota_rows AS
SELECT k.record_id, k.source, {group} AS taxon, n.taxon AS own, n.per{columns}
FROM {kept} k JOIN quota_names n USING (name_id) {joins}

-- name: once
-- A record that several rows state is that of the first of them.
(SELECT r.* FROM {records} r ANTI JOIN (
  SELECT other_id, locator_file, locator_row FROM {ledger} WHERE outcome = {'again'}) d
  ON d.other_id = r.record_id AND d.locator_file = r.locator_file AND d.locator_row = r.locator_row)

-- name: cell
-- A cosine's last bit may differ between machines; the number of cells that it is rounded to does not.
(floor(({lat} + 90) / {'degrees'})::BIGINT || ' ' || floor((({lon} + 540) % 360) / 360 * greatest(1, round(
  360 / {'degrees'} * cos(radians((floor(({lat} + 90) / {'degrees'}) + 0.5) * {'degrees'} - 90)), 0)))::BIGINT)
