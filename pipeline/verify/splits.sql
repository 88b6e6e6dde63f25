-- What lies in the wrong split, in the catalog of a run.

-- name: in_two_splits
-- What belongs together by an expression, and does not lie together.
SELECT {together} AS it, string_agg(DISTINCT s.split, ' and ' ORDER BY s.split), min(s.key)
FROM samples s JOIN media m USING (image_id)
WHERE {together} <> '' AND NOT ends_with({together}, ':') GROUP BY 1
HAVING count(DISTINCT s.split) > 1 ORDER BY 1

-- name: decided_otherwise
-- Samples in another split or group than the decision.
SELECT s.key, s.split, d.split FROM samples s LEFT JOIN decisions d USING (record_id)
WHERE d.split IS DISTINCT FROM s.split OR d.group_id IS DISTINCT FROM s.group_id ORDER BY 1

-- name: held_out
-- Samples of a species that a benchmark holds out.
SELECT s.key, s.species, h.taxon FROM samples s JOIN names n ON n.accepted_id = s.accepted_id
JOIN held_taxa h ON h.species_id = n.species_id ORDER BY ALL
