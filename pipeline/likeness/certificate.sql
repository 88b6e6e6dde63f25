-- What the certificate of a benchmark asks of a finished run; $1 is the benchmark's name.

-- name: keys
-- Keys of one kind that are held out, from the items or the ids of the benchmark.
SELECT {column} AS key FROM read_parquet({'files'}) WHERE benchmark = $1 AND {column} <> ''

-- name: of_held_species
-- Kept images of a species that is held out.
SELECT count(*) FROM read_parquet('shards/manifest.parquet') m JOIN names n ON n.name_id = m.name_id
WHERE n.species_id IN (SELECT species_id FROM held_taxa WHERE benchmark = $1)
