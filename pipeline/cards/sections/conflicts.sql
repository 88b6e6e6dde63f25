-- Records of one image under taxa that exclude each other.

-- name: counted
SELECT count(*), count(DISTINCT cluster_id) FROM quarantine

-- name: taxa
WITH named AS (SELECT q.record_id, q.cluster_id, coalesce(n.accepted_name, q.accepted_id) AS name
               FROM quarantine q LEFT JOIN records r USING (record_id) LEFT JOIN names n USING (name_id))
SELECT taxa, sum(records)::BIGINT AS records
FROM (SELECT list_sort(list(DISTINCT name)) AS taxa, count(*) AS records FROM named GROUP BY cluster_id)
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000

-- name: clusters
-- The clusters of most records, with where their bytes lie.
WITH stored AS ({stored}),
     most AS (SELECT cluster_id, count(*) AS records FROM quarantine GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most})
SELECT q.cluster_id, q.record_id, q.source, coalesce(n.accepted_name, q.accepted_id) AS name, s.unit, s.at, s.size
FROM most JOIN quarantine q USING (cluster_id) JOIN stored s USING (record_id)
LEFT JOIN records r USING (record_id) LEFT JOIN names n USING (name_id)
ORDER BY most.records DESC, q.cluster_id, name, q.record_id
