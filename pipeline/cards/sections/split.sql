-- Train and val of the kept images.

-- name: taxa
SELECT count(*) FILTER (train > 0 AND val = 0), count(*) FILTER (train = 0 AND val > 0),
       count(*) FILTER (train > 0 AND val > 0)
FROM shown_taxa

-- name: straddling
SELECT count(*) FROM (SELECT group_id FROM shown GROUP BY 1 HAVING count(DISTINCT split) > 1)

-- name: classes
SELECT "class", sum(train)::BIGINT AS train, sum(val)::BIGINT AS val FROM shown_taxa
GROUP BY 1 ORDER BY sum(images) DESC, 1 LIMIT {most}
