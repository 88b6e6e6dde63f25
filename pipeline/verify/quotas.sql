-- What is kept of each taxon beside the quotas of a recipe.

-- name: taxa
SELECT count(DISTINCT {taxon}) FROM read_parquet('select/decisions/*.parquet') d JOIN {names} n USING (name_id)

-- name: above
SELECT {taxon} AS taxon, count(*) FROM read_parquet('select/decisions/*.parquet') d JOIN {names} n USING (name_id)
{joins} GROUP BY 1 HAVING count(*) > {cap} ORDER BY 1

-- name: short
-- Taxa of which candidates were not asked for, as their quota is met, and that lack images all the same. What lies too
-- near another split is no matter of quotas.
SELECT a.taxon, coalesce(k.images, 0) AS images
FROM (SELECT DISTINCT {taxon} AS taxon FROM read_parquet('fetch/ledger/*.parquet') f
      JOIN read_parquet('screen/candidates/*.parquet') c ON c.record_id = f.row_id
      JOIN {names} n USING (name_id) {joins}
      WHERE f.outcome = 'not_needed' AND f.evidence ->> '$.rule' = 'cap_per_taxon') a
LEFT JOIN (
  SELECT {taxon} AS taxon, count(*) AS images
  FROM read_parquet('likeness/kept/*.parquet') k JOIN {names} n USING (name_id)
  LEFT JOIN read_parquet('select/decisions/*.parquet') d USING (record_id)
  LEFT JOIN read_parquet('select/ledger/*.parquet') e ON e.row_id = k.record_id {joins}
  WHERE d.record_id IS NOT NULL OR e.evidence ->> '$.rule' = {'buffer'} GROUP BY 1) k ON k.taxon = a.taxon
WHERE coalesce(k.images, 0) < {cap} ORDER BY 1

-- name: source_above
SELECT {taxon} AS taxon, count(*) FROM read_parquet('select/decisions/*.parquet') d JOIN {names} n USING (name_id)
{joins} WHERE d.source = {'source'} GROUP BY 1 HAVING count(*) > {cap} ORDER BY 1

-- name: below
-- What a taxon has where floors are asked: all of it but what conditions, caps of sources and thinning took.
SELECT taxon, count(*) AS images FROM (
  SELECT {taxon} AS taxon, d.record_id IS NOT NULL AS kept
  FROM read_parquet('likeness/kept/*.parquet') k JOIN {names} n USING (name_id)
  LEFT JOIN read_parquet('select/decisions/*.parquet') d USING (record_id)
  LEFT JOIN read_parquet('select/ledger/*.parquet') e ON e.row_id = k.record_id {joins}
  WHERE e.evidence IS NULL
     OR e.outcome <> 'quality' AND e.evidence ->> '$.rule' NOT IN ('sources.cap_per_taxon', 'select.thin_to'))
GROUP BY 1 HAVING count(*) < {floor} AND bool_or(kept) ORDER BY 1

-- name: beyond_target
SELECT count(*), {target} FROM read_parquet('select/decisions/*.parquet') HAVING count(*) > {target}

-- name: many
SELECT per, count(*) FROM (
  SELECT {taxon} AS taxon, min({per}) AS per FROM read_parquet('select/decisions/*.parquet') d
  JOIN {names} n USING (name_id) GROUP BY 1)
GROUP BY 1 HAVING count(*) > {most} ORDER BY 1

-- name: thick
SELECT taxon, place, count(*) FROM (
  SELECT {taxon} AS taxon, {place} AS place FROM read_parquet('select/decisions/*.parquet') d
  JOIN {names} n USING (name_id) {joins})
WHERE place IS NOT NULL GROUP BY ALL HAVING count(*) > {most} ORDER BY ALL
