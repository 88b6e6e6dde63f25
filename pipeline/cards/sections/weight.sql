-- Who gave the kept images.

-- name: creators
SELECT creator AS who, count(*) AS images FROM shown WHERE creator IS NOT NULL GROUP BY 1

-- name: datasets
SELECT concat_ws(' ', source, nullif(coalesce(nullif(publisher, ''), dataset_key), '')) AS who,
       sum(images)::BIGINT AS images
FROM (SELECT source, dataset_key, min(publisher) AS publisher, count(*) AS images FROM shown
      GROUP BY source, dataset_key)
GROUP BY 1

-- name: hosts
SELECT coalesce(nullif(host, ''), 'local store') AS who, count(*) AS images FROM shown GROUP BY 1

-- name: sizes
-- How many gave how many images, the most first.
SELECT images, count(*) AS many FROM {of} GROUP BY 1 ORDER BY 1 DESC

-- name: first
SELECT who, images FROM {of} ORDER BY images DESC, who LIMIT {most}
