-- The rows of manifest.parquet, `s`, against the tars, `f`, and the stages.

-- name: compared
-- Every sample beside its row: `differences` counts over all columns in one pass.
SELECT {differences} FROM {truth} JOIN found f ON f.key = d.record_id JOIN {rows} s ON {joined}

-- name: difference
-- Of one column: how many rows say something else, what the first of them says, and its key.
count(*) FILTER ({said} IS DISTINCT FROM {value}),
arg_min(coalesce({said}::VARCHAR, 'NULL') || ', but ' || coalesce(({value})::VARCHAR, 'NULL'), f.seq)
  FILTER ({said} IS DISTINCT FROM {value}),
arg_min(f.key, f.seq) FILTER ({said} IS DISTINCT FROM {value})
