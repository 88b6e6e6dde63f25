-- Keys of the tables of an archive.

-- name: orphans
-- Rows of an extension whose id the core has not; `core` is a view, `stated` the id where there is one.
SELECT count(*) FROM (SELECT {stated} AS id FROM {extension}) AS e ANTI JOIN core USING (id)
