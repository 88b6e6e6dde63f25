-- What is withdrawn of finished shards. `withdrawn` is what `gather` lays down: records with the evidence.

-- name: samples
-- Samples of withdrawn records.
SELECT m.key, w.evidence FROM read_parquet({'manifest'}) m JOIN withdrawn w USING (record_id)
ORDER BY m.key

-- name: copies
-- Samples of other records whose pictures were found to be alike to that of a withdrawn one.
SELECT DISTINCT m.key FROM {clusters} c JOIN withdrawn USING (record_id) JOIN {clusters} o USING (cluster_id)
JOIN read_parquet({'manifest'}) m ON m.record_id = o.record_id
ANTI JOIN withdrawn w ON w.record_id = m.record_id ORDER BY 1
