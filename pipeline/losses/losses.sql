-- The largest loss of each source, and its commonest cause.

-- name: commonest
SELECT source, outcome, count(*) AS n FROM {ledger} WHERE outcome NOT IN {'no_loss'} GROUP BY source, outcome
QUALIFY row_number() OVER (PARTITION BY source ORDER BY n DESC, outcome) = 1 ORDER BY source

-- name: causes
-- Of the rows of each source that ended in its commonest way: the commonest cause, its rows, and how many rows have a
-- name that the taxonomy lacks.
SELECT source, value, n, unknown FROM (
  SELECT source, value, n, sum(missing) OVER (PARTITION BY source)::BIGINT AS unknown,
         row_number() OVER (PARTITION BY source ORDER BY n DESC, value) AS place FROM (
    SELECT l.source, {facet} AS value, count(*) AS n, count(l.evidence ->> '$.missing') AS missing FROM {ledger} l
    JOIN (VALUES {pairs}) p(source, outcome) ON p.source = l.source AND p.outcome = l.outcome GROUP BY ALL))
WHERE place = 1
