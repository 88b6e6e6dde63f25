-- What hosts were asked for and gave; files of a local store are of no host.

-- name: asked
SELECT coalesce(nullif(host, ''), 'local store') AS host, sum(images)::BIGINT AS asked,
       coalesce(sum(images) FILTER (outcome = 'ok'), 0)::BIGINT AS arrived
FROM hosts GROUP BY 1 ORDER BY asked DESC, 1 LIMIT {most}

-- name: totals
SELECT count(DISTINCT coalesce(host, '')), sum(images)::BIGINT,
       coalesce(sum(images) FILTER (outcome = 'ok'), 0)::BIGINT FROM hosts
