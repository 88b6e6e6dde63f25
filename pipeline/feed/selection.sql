-- Statements of pipeline/feed/selection.py: how the rows of a manifest that are asked for become numbers.
-- {condition}: what is true of a row that is asked for.

-- name: all
FROM read_parquet({'path'})

-- name: manifest
-- What the reader needs of a manifest; without a label a sample has the label ''.
SELECT
    file_row_number AS row, key::VARCHAR AS key, shard::VARCHAR AS shard, split::VARCHAR AS split,
    jpg_offset::BIGINT AS start, jpg_length::BIGINT AS length, {labels}
FROM read_parquet({'path'}, file_row_number = true)

-- name: label
coalesce({"column"}::VARCHAR, '') AS {"column"}

-- name: misplaced
-- The first row whose image cannot lie behind a tar header where it is said to, or that has no key,
-- and how many are so.
SELECT key, start, length, count(*) OVER () AS rows
FROM manifest
WHERE NOT coalesce(start >= {header} AND length > 0, false) OR key IS NULL
ORDER BY row
LIMIT 1

-- name: rows
SELECT count(*) FROM manifest

-- name: answer
SELECT key FROM ({query})

-- name: chosen
CREATE TABLE chosen AS SELECT DISTINCT key::VARCHAR AS key FROM answer WHERE key IS NOT NULL

-- name: of_split
split = {'split'}

-- name: of_chosen
key IN (SELECT key FROM chosen)

-- name: shards
CREATE TABLE shards AS
SELECT shard, row_number() OVER (ORDER BY shard) - 1 AS number
FROM (SELECT DISTINCT shard FROM manifest WHERE {condition})

-- name: labels
-- What samples are labelled with, each once: taxa and lineages numbered in their order.
CREATE TABLE labels AS
SELECT *, dense_rank() OVER (ORDER BY accepted_id) - 1 AS taxon, dense_rank() OVER (ORDER BY {"names"}) - 1 AS name
FROM (SELECT DISTINCT accepted_id, {"names"} FROM manifest WHERE {condition})

-- name: places
-- Rows of a range, which keeps row groups outside of it from being read.
SELECT row, key, number::INTEGER AS shard, start, length, taxon::INTEGER AS taxon, name::INTEGER AS name
FROM manifest JOIN shards USING (shard) JOIN labels USING (accepted_id, {"names"})
WHERE ({condition}) AND row >= {first} AND row < {end}
ORDER BY row

-- name: shard_names
SELECT shard FROM shards ORDER BY number

-- name: taxa
SELECT DISTINCT accepted_id FROM labels ORDER BY accepted_id

-- name: lineages
SELECT DISTINCT {"names"} FROM labels ORDER BY {"names"}

-- name: splits
-- The splits that there are, with their samples.
SELECT split, count(*) FROM manifest GROUP BY 1 ORDER BY 1
