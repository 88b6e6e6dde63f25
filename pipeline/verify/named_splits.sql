-- Decisions that break what a recipe says of its splits.

-- name: unknown
SELECT record_id, split FROM {decisions} WHERE split IS NULL OR split NOT IN {'names'} ORDER BY 1

-- name: together
SELECT key, string_agg(DISTINCT split, ' and ' ORDER BY split) FROM (
  SELECT {key} AS key, d.split FROM {decisions} d JOIN {records} r USING (record_id))
WHERE key IS NOT NULL GROUP BY 1 HAVING count(DISTINCT split) > 1 ORDER BY 1

-- name: alone
SELECT value, string_agg(DISTINCT split, ' and ' ORDER BY split) FROM (
  SELECT {value} AS value, d.split FROM {decisions} d JOIN {records} r USING (record_id)
  JOIN {names} n ON n.name_id = d.name_id)
WHERE value IS NOT NULL GROUP BY 1 HAVING count(DISTINCT split) > 1 AND bool_or(split = {'split'}) ORDER BY 1

-- name: not_in_first
SELECT label, string_agg(DISTINCT split, ' and ' ORDER BY split) FROM (
  SELECT {label} AS label, d.split FROM {decisions} d JOIN {records} r USING (record_id)
  JOIN {names} n ON n.name_id = d.name_id)
GROUP BY 1 HAVING NOT bool_or(split = {'first'}) AND bool_or(split NOT IN {'other'}) ORDER BY 1

-- name: capped
SELECT {taxon} AS taxon, count(*) FROM {decisions} d JOIN {names} n USING (name_id) {joins}
WHERE d.split = {'split'} GROUP BY 1 HAVING count(*) > {cap} ORDER BY 1

-- name: dates
-- The latest date of each group counts, as it stays whole.
SELECT label, max(date) FILTER (split = {'earlier'}), min(date) FILTER (split = {'later'}) FROM (
  SELECT min({label}) AS label, d.split, max(regexp_extract(trim(r.event_date), '^\d\d\d\d(-\d\d(-\d\d)?)?')) AS date
  FROM {decisions} d JOIN {records} r USING (record_id) JOIN {names} n ON n.name_id = d.name_id
  GROUP BY d.group_id, d.split)
WHERE date <> '' GROUP BY 1
HAVING max(date) FILTER (split = {'earlier'}) > min(date) FILTER (split = {'later'}) ORDER BY 1

-- name: near
-- Places of the first split beside those of others, by the haversine. What is compared lies in one bucket: bands of
-- latitude as high as the distance, and in each parts of longitude at least twice as wide as it is there.
WITH places AS (
  SELECT DISTINCT d.split = {'first'} AS ours, r.lat, r.lon FROM {decisions} d JOIN {records} r USING (record_id)
  WHERE r.lat IS NOT NULL AND r.lon IS NOT NULL),
banded AS (
  SELECT *, floor(lat / high) + CASE WHEN ours THEN 0 ELSE step END AS band
  FROM (SELECT *, {'kilometres'} / 111.195 AS high FROM places)
  JOIN (VALUES (0), (1), (-1)) steps(step) ON step = 0 OR NOT ours),
parted AS (
  SELECT *, greatest(1, floor(180 / high * cos(radians(least(90,
            high + greatest(abs(band), abs(band + 1)) * high))))) AS parts FROM banded),
bucketed AS (
  SELECT p.ours, p.lat, p.lon, p.band, (floor(((lon + 540) % 360) / 360 * parts) + turn + parts) % parts AS bucket
  FROM parted p JOIN (VALUES (0), (1), (-1)) turns(turn) ON turn = 0 OR NOT ours)
SELECT DISTINCT p.lat, p.lon, t.lat, t.lon
FROM (FROM bucketed WHERE ours) p JOIN (FROM bucketed WHERE NOT ours) t USING (band, bucket)
WHERE 2 * 6371 * asin(least(1, sqrt(pow(sin(radians(p.lat - t.lat) / 2), 2)
      + cos(radians(p.lat)) * cos(radians(t.lat)) * pow(sin(radians(p.lon - t.lon) / 2), 2))))
      < {'kilometres'} * (1 - 1e-9) ORDER BY ALL
