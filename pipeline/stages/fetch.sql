-- What fetch asks when it is to ask again.

-- name: asked_again
-- Images, under any of their addresses, of records that ended with one of the outcomes.
SELECT DISTINCT m.image_id FROM {media} m
JOIN (SELECT unnest(list_prepend(c.image_id, [a.image_id FOR a IN coalesce(c.alternates, [])]))
             AS image_id
      FROM {candidates} c JOIN {ledger} l ON l.row_id = c.record_id AND l.outcome IN {'outcomes'}) w
USING (image_id) WHERE m.outcome IN {'outcomes'}
