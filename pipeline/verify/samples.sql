-- What samples tell, beside what they must.

-- name: told
-- Every sample of the walk `found` with the values of its JSON and the names of its lineage.
SELECT f.shard || ', ' || f.key, f.shape, f.txt, f.texts, f.json, {json}::VARCHAR,
       n.vernacular_name, {ranks} FROM {truth} JOIN found f ON f.key = d.record_id
