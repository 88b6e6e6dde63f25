-- What benchmarks hold out.

-- name: items
SELECT benchmark, count(*), count(*) FILTER (coalesce(pdq, '') = '') FROM {items} GROUP BY 1

-- name: ids
SELECT benchmark, count(*) FROM {ids}
WHERE coalesce(nullif(media_key, ''), nullif(record_key, ''), nullif(occurrence_key, ''), nullif(taxon, '')) IS NOT NULL
GROUP BY 1

-- name: held
-- Rows of the sources that ended for a benchmark's ids and taxa.
SELECT other_id, count(*) FROM {ledger} WHERE outcome IN {'outcomes'} GROUP BY 1

-- name: classes
SELECT DISTINCT benchmark, taxon FROM (
  SELECT benchmark, taxon FROM {items} UNION ALL SELECT benchmark, taxon FROM {ids})
WHERE taxon <> '' ORDER BY ALL

-- name: counted
-- A class of which the taxonomy has no taxon of that name is not resolved, whatever it falls to.
SELECT benchmark, count(*),
       count(*) FILTER (accepted_id IS NULL OR match_type IN ('GENUS', 'HIGHER_RANK', 'AMBIGUOUS', 'LCA'))
FROM classes GROUP BY 1

-- name: synonyms
SELECT benchmark, taxon, accepted_name FROM classes
WHERE accepted_id <> usage_id AND match_type NOT IN ('GENUS', 'HIGHER_RANK', 'AMBIGUOUS', 'LCA') ORDER BY ALL

-- name: same_taxon
SELECT benchmark, any_value(accepted_name), list(taxon ORDER BY taxon) FROM classes
WHERE accepted_id IS NOT NULL AND match_type NOT IN ('GENUS', 'HIGHER_RANK', 'AMBIGUOUS', 'LCA')
GROUP BY benchmark, accepted_id HAVING count(*) > 1 ORDER BY 1, 2
