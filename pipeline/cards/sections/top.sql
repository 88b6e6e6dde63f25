-- What the head of a report counts.

-- name: rows
SELECT count(*), count(*) FILTER (outcome = 'kept'), count(DISTINCT source) FROM ledger

-- name: taxa
SELECT count(*), exp(-sum(p * ln(p))) FROM (SELECT images / sum(images) OVER () AS p FROM shown_taxa)
