-- Records of one image under taxa that exclude each other.

-- name: counted
SELECT count(*), count(DISTINCT cluster_id) FROM quarantine

-- name: taxa
WITH named AS (SELECT q.record_id, q.cluster_id, coalesce(n.accepted_name, q.accepted_id) AS name
               FROM (SELECT record_id, name_id FROM records) r JOIN quarantine q USING (record_id)
               JOIN names n USING (name_id))
SELECT taxa, sum(records)::BIGINT AS records
FROM (SELECT list_sort(list(DISTINCT name)) AS taxa, count(*) AS records FROM named GROUP BY cluster_id)
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000

-- name: clusters
-- The clusters of most records, with where their bytes lie.
WITH most AS (SELECT cluster_id, count(*) AS records FROM quarantine GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}),
chosen AS (SELECT q.*, most.records FROM quarantine q JOIN most USING (cluster_id)),
stored AS ({stored})
SELECT q.cluster_id, q.record_id, q.source, coalesce(n.accepted_name, q.accepted_id) AS name, s.unit, s.at, s.size
FROM (SELECT record_id, name_id FROM records WHERE record_id IN ({wanted})) r
JOIN names n USING (name_id) JOIN chosen q USING (record_id) JOIN stored s USING (record_id)
ORDER BY q.records DESC, q.cluster_id, name, q.record_id

-- name: wanted
SELECT record_id FROM chosen
