-- What fetch asks when it goes on: how many candidates of each taxon are asked, and which images are asked again.

-- name: upto_next
-- Up to which place candidates of each taxon are asked in the next round: further by those that lack images.
CREATE OR REPLACE TEMP TABLE upto_next AS
SELECT u.taxon, least(t.total, u.upto + {factor} * greatest(0, {wanted} - coalesce(a.arrived, 0))) AS upto
FROM upto u JOIN (SELECT taxon, count(*) AS total FROM {order} GROUP BY 1) t USING (taxon)
LEFT JOIN (SELECT o.taxon, count(*) AS arrived FROM ({arrived})
           JOIN {order} o USING (record_id) GROUP BY 1) a USING (taxon)

-- name: asked_again
-- Images, under any of their addresses, of records that ended with one of the outcomes.
SELECT DISTINCT m.image_id FROM {media} m
JOIN (SELECT unnest(list_prepend(c.image_id, [a.image_id FOR a IN coalesce(c.alternates, [])]))
             AS image_id
      FROM {candidates} c JOIN {ledger} l ON l.row_id = c.record_id AND l.outcome IN {'outcomes'}) w
USING (image_id) WHERE m.outcome IN {'outcomes'}

-- name: further
-- How many candidates the next step lets in beyond those that were asked.
SELECT coalesce(sum(n.upto - least(u.upto, t.total)), 0) FROM upto u JOIN upto_next n USING (taxon)
JOIN (SELECT taxon, count(*) AS total FROM {order} GROUP BY 1) t USING (taxon)
