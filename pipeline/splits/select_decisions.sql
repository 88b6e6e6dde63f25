-- What select asks of the kept records.

-- name: totals
-- How many kept records each accepted taxon has.
CREATE OR REPLACE TEMP TABLE totals AS
SELECT n.accepted_id, count(*) AS total FROM {kept} k JOIN {names} n USING (name_id) GROUP BY 1

-- name: beyond
-- The records of taxa that have more than `cap`, behind the first so many.
-- `quota_order` is a function of the connection, from a record id to a key that sorts.
SELECT record_id, true AS beyond FROM (
  SELECT k.record_id, n.accepted_id FROM {kept} k JOIN {names} n USING (name_id)
  JOIN totals t ON t.accepted_id IS NOT DISTINCT FROM n.accepted_id WHERE t.total > {cap})
QUALIFY row_number() OVER (PARTITION BY accepted_id ORDER BY quota_order(record_id)) > {cap}

-- name: none_beyond
SELECT NULL::VARCHAR AS record_id, true AS beyond WHERE false

-- name: kept_with_counts
-- Kept records in the order of their ids, each with how many its taxon has, and whether it is beyond the cap.
SELECT k.*, n.accepted_id, t.total, coalesce(b.beyond, false) AS beyond
FROM {kept} k
JOIN {names} n USING (name_id)
JOIN totals t ON t.accepted_id IS NOT DISTINCT FROM n.accepted_id
LEFT JOIN ({beyond}) b USING (record_id)
ORDER BY k.record_id

-- name: totals_left
-- How many records each accepted taxon keeps.
CREATE OR REPLACE TEMP TABLE totals AS
SELECT n.accepted_id, count(*) AS total FROM {kept} k JOIN {names} n USING (name_id)
ANTI JOIN quota_ended e USING (record_id) GROUP BY 1

-- name: decided
-- Records in the order of their ids, with what ended each or the split that it is in.
SELECT k.*, n.accepted_id, t.total, e.rule IS NOT NULL AS beyond, {outcome} AS outcome, {evidence} AS evidence, d.split
FROM {kept} k
JOIN {names} n USING (name_id)
LEFT JOIN totals t ON t.accepted_id IS NOT DISTINCT FROM n.accepted_id
LEFT JOIN quota_ended e USING (record_id)
LEFT JOIN (SELECT {split}) d USING (group_id)
{joins}
ORDER BY k.record_id
