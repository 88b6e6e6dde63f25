-- What likeness asks of the records whose images arrived.

-- name: labels
-- The distinct labels of all names: the accepted taxon with its ranks, in an order that only they decide.
SELECT DISTINCT accepted_id, {"ranks"} FROM {names} ORDER BY ALL

-- name: named
-- Every name with the place of its label among these.
CREATE OR REPLACE TEMP TABLE named AS
SELECT name_id, {"ranks"}, (dense_rank() OVER (ORDER BY accepted_id, {"ranks"}) - 1)::INTEGER AS label FROM {names}
