-- Families of the kept images.

-- name: families
SELECT kingdom, "class", family, sum(images)::BIGINT AS images, count(*) AS taxa FROM shown_taxa
GROUP BY ALL ORDER BY images DESC, kingdom, "class", family LIMIT 65536

-- name: genera
SELECT coalesce(genus, 'no genus') AS genus, sum(images)::BIGINT AS images FROM shown_taxa
GROUP BY 1 ORDER BY images DESC, genus LIMIT 40
