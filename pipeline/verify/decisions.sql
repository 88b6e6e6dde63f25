-- Decisions of select against what they were made from.

-- name: decided
-- Every decision beside all that it was made from: `truth` names what the stages hold, `differences` counts.
SELECT {differences} FROM {truth}
LEFT JOIN read_parquet('likeness/kept/*.parquet') k ON k.record_id = d.record_id
LEFT JOIN read_parquet('fetch/arrived/*.parquet') a ON a.record_id = d.record_id
LEFT JOIN (SELECT DISTINCT name_id FROM read_parquet('likeness/labels/*.parquet')) l
     ON l.name_id = d.name_id
LEFT JOIN (SELECT record_id, min(group_id) AS group_id FROM read_parquet('likeness/groups/*.parquet')
           GROUP BY 1) g ON g.record_id = d.record_id

-- name: difference
-- Of one column: how many decisions say something else, and the first of them.
count(*) FILTER ({said} IS DISTINCT FROM {value}),
min(d.record_id || ' has ' || coalesce(({said})::VARCHAR, 'NULL') || ', but '
    || coalesce(({value})::VARCHAR, 'NULL')) FILTER ({said} IS DISTINCT FROM {value})

-- name: weights
-- Weights that are not those of the whole catalog.
SELECT count(*), min(record_id || ' has ' || weight || ', but ' || wanted) FROM
  (SELECT record_id, weight, count(*) OVER (PARTITION BY accepted_id) ** -0.5 AS wanted
   FROM read_parquet('select/decisions/*.parquet'))
WHERE weight IS NULL OR NOT abs(weight - wanted) < 1e-12
