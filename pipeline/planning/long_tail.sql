-- How the candidates lie among accepted taxa.

-- name: planned_taxa
CREATE OR REPLACE TEMP TABLE planned_taxa AS
SELECT accepted_id, min(accepted_name) AS taxon, min(accepted_rank) AS rank, count(*) AS images
FROM planned GROUP BY 1

-- name: all
SELECT count(*), coalesce(sum(images), 0)::BIGINT, count(*) FILTER (images = 1), ceil(count(*) / 100)::BIGINT
FROM planned_taxa

-- name: ranks
SELECT coalesce(rank, 'unranked'), count(*), sum(images)::BIGINT FROM planned_taxa GROUP BY 1 ORDER BY 2 DESC, 1

-- name: below
SELECT count(*) FROM planned_taxa WHERE images < {images}

-- name: top
SELECT coalesce(taxon, accepted_id, ''), coalesce(rank, 'unranked'), images FROM planned_taxa
ORDER BY images DESC, accepted_id LIMIT {most}

-- name: largest
-- Images of the largest so many taxa.
SELECT coalesce(sum(images), 0)::BIGINT FROM (SELECT images FROM planned_taxa ORDER BY images DESC LIMIT {most})

-- name: floor
-- What is left when taxa with fewer images are left out.
SELECT count(*), coalesce(sum(images), 0)::BIGINT FROM planned_taxa WHERE images >= {images}

-- name: cap
-- What is left when a taxon has at most so many.
SELECT coalesce(sum(least(images, {images})), 0)::BIGINT FROM planned_taxa
