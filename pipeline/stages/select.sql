-- What select asks of the kept records.

-- name: kept_with_counts
-- Kept records in the order of their ids, each with its place among those of its taxon, and how many these are.
-- `quota_order` is a function of the connection, from a record id to a key that sorts.
SELECT k.*, n.accepted_id,
       row_number() OVER (PARTITION BY n.accepted_id ORDER BY quota_order(k.record_id)) AS nth,
       count(*) OVER (PARTITION BY n.accepted_id) AS total
FROM {kept} k
JOIN {names} n USING (name_id)
ORDER BY k.record_id
