-- The groups of what is kept, and what decides their splits. `number` counts groups, `root` those that hang together.

-- name: rows
-- What the quotas leave.
(SELECT k.record_id, k.source, k.group_id, k.name_id, k.media_id FROM {kept} k ANTI JOIN quota_ended USING (record_id))

-- name: groups
CREATE OR REPLACE TEMP TABLE split_groups AS
SELECT group_id, row_number() OVER (ORDER BY group_id) - 1 AS number
FROM (SELECT DISTINCT group_id FROM {rows})

-- name: edges
-- Groups that share a key with an earlier one.
SELECT number, first FROM (
  SELECT number, min(number) OVER (PARTITION BY key) AS first FROM (
    SELECT DISTINCT g.number, {key} AS key FROM {rows} k JOIN {records} r USING (record_id)
    JOIN split_groups g USING (group_id))
  WHERE key IS NOT NULL)
WHERE number <> first ORDER BY ALL

-- name: named_roots
SELECT min(group_id) AS group_id FROM split_groups JOIN split_roots USING (number) GROUP BY root ORDER BY root

-- name: labels
-- What splits have their shares of.
CREATE OR REPLACE TEMP TABLE split_labels AS
SELECT label, row_number() OVER (ORDER BY label) - 1 AS number FROM (SELECT DISTINCT label FROM ({labelled}))

-- name: labelled
SELECT g.group_id, {label} AS label FROM {rows} g JOIN {names} n USING (name_id) {joins}

-- name: entries
SELECT root AS of_group, l.number AS label, count(*) AS images FROM ({labelled}) t
JOIN split_groups g USING (group_id) JOIN split_roots s ON s.number = g.number JOIN split_labels l USING (label)
GROUP BY ALL ORDER BY ALL

-- name: hinted
SELECT s.root AS of_group, max(h.split) AS split FROM {rows} k JOIN {records} r USING (record_id)
JOIN split_groups g USING (group_id) JOIN split_roots s ON s.number = g.number
JOIN (VALUES {hints}) h(word, split) ON h.word = lower(trim(r.split_hint)) GROUP BY 1 ORDER BY 1

-- name: listed
SELECT s.root AS of_group, max(l.split) AS split FROM {rows} k JOIN {records} r USING (record_id)
JOIN {names} n ON n.name_id = k.name_id
JOIN split_groups g USING (group_id) JOIN split_roots s ON s.number = g.number
JOIN split_keys l ON l.kind = {'kind'} AND l.key = {key} GROUP BY 1 ORDER BY 1

-- name: values
-- What a split may hold alone, by group; NULL where a record has none.
CREATE OR REPLACE TEMP TABLE split_values AS
SELECT DISTINCT s.root AS of_group, {value} AS value FROM {rows} k JOIN {names} n USING (name_id) {joins}
JOIN split_groups g USING (group_id) JOIN split_roots s ON s.number = g.number

-- name: numbered_values
SELECT of_group, coalesce(v.number, -1) AS value FROM split_values LEFT JOIN (
  SELECT value, row_number() OVER (ORDER BY value) - 1 AS number
  FROM (SELECT DISTINCT value FROM split_values WHERE value IS NOT NULL)) v USING (value) ORDER BY ALL

-- name: dates
-- The latest date of each group, as a number that grows with time; what begins with no date of ISO 8601 has none.
SELECT of_group, CASE WHEN date = '' THEN -1 ELSE dense_rank() OVER (ORDER BY date) END AS date FROM (
  SELECT s.root AS of_group, coalesce(max(regexp_extract(trim(r.event_date), '^\d\d\d\d(-\d\d(-\d\d)?)?')), '') AS date
  FROM {rows} k LEFT JOIN {records} r USING (record_id) JOIN split_groups g USING (group_id)
  JOIN split_roots s ON s.number = g.number GROUP BY 1) ORDER BY of_group

-- name: decided
CREATE OR REPLACE TEMP TABLE split_of AS
SELECT g.group_id, d.split FROM split_groups g JOIN split_roots s USING (number) JOIN split_decided d USING (root)

-- name: cells
SELECT DISTINCT split_part(cell, ' ', 1)::BIGINT AS band, split_part(cell, ' ', 2)::BIGINT AS place, first FROM (
  SELECT {cell} AS cell, d.split = {'training'} AS first FROM {rows} k JOIN {records} r USING (record_id)
  JOIN split_of d USING (group_id) WHERE r.lat IS NOT NULL AND r.lon IS NOT NULL) ORDER BY ALL

-- name: end_near
INSERT INTO quota_ended SELECT k.record_id, {rule}, 0, {'kilometres'} FROM {rows} k
JOIN {records} r USING (record_id) JOIN split_of d USING (group_id)
WHERE d.split = {'training'} AND {cell} IN (SELECT cell FROM split_near)

-- name: counted
-- Rows of each group by what caps count the images of.
SELECT of_group, dense_rank() OVER (ORDER BY taxon) - 1 AS taxon, images FROM (
  SELECT s.root AS of_group, {taxon} AS taxon, count(*) AS images FROM {rows} k JOIN {names} n USING (name_id) {joins}
  JOIN split_groups g USING (group_id) JOIN split_roots s ON s.number = g.number GROUP BY ALL) ORDER BY ALL

-- name: end_beyond
INSERT INTO quota_ended SELECT record_id, {rule}, had, cap FROM (
  SELECT record_id, cap, count(*) OVER (PARTITION BY split, taxon) AS had,
         row_number() OVER (PARTITION BY split, taxon ORDER BY quota_order(record_id)) AS place FROM (
    SELECT k.record_id, d.split, c.cap, {taxon} AS taxon FROM {rows} k JOIN {names} n USING (name_id) {joins}
    JOIN split_of d USING (group_id) JOIN (VALUES {caps}) c(split, cap) ON c.split = d.split))
WHERE place > cap
