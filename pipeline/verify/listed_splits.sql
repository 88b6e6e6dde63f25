-- What lists and hints name, beside the splits that were decided.

-- name: named
CREATE OR REPLACE TEMP TABLE split_named AS SELECT DISTINCT record_id, group_id, place, outspoken FROM ({queries})

-- name: hinted
-- `outspoken`: whether lists may say otherwise, so that the hint need not hold.
SELECT k.record_id, k.group_id, h.place, h.outspoken FROM read_parquet('likeness/kept/*.parquet') k
JOIN {records} r USING (record_id) JOIN (VALUES {words}) h(word, place, outspoken) ON h.word = lower(trim(r.split_hint))

-- name: listed
SELECT k.record_id, k.group_id, l.split AS place, false AS outspoken FROM read_parquet('likeness/kept/*.parquet') k
JOIN {records} r USING (record_id) JOIN {names} n ON n.name_id = k.name_id
JOIN split_keys l ON l.kind = {'kind'} AND l.key = {key}

-- name: elsewhere
SELECT d.record_id, d.split FROM read_parquet('select/decisions/*.parquet') d
JOIN (SELECT record_id, max(place) AS place FROM split_named WHERE NOT outspoken GROUP BY 1) m USING (record_id)
JOIN (VALUES {order}) o(split, place) ON o.split = d.split
WHERE o.place < m.place AND d.split NOT IN {'claims'} ORDER BY 1

-- name: unnamed
SELECT DISTINCT d.group_id FROM read_parquet('select/decisions/*.parquet') d
ANTI JOIN (FROM split_named WHERE place = {place}) m ON m.group_id = d.group_id
WHERE d.split = {'split'} ORDER BY 1
