-- What a fetch that is not done has so far. `pipeline.stages.fetch_sql` decides alike what one that is done has; here,
-- for records all of whose addresses have answered. `unfinished.media` holds the answers.

-- name: tried
-- Further addresses of the candidates, and what became of each.
CREATE VIEW unfinished.tried AS
SELECT a.record_id, a.place, a.at.image_id AS image_id, a.at.media_id AS media_id, a.at.address AS address, m.outcome
FROM (SELECT record_id, unnest(alternates) AS at, generate_subscripts(alternates, 1) AS place FROM {candidates}) a
JOIN unfinished.media m ON m.image_id = a.at.image_id

-- name: arrived
-- Candidates whose picture came, from their own address or the first further one that gave it.
CREATE VIEW unfinished.arrived AS
SELECT c.record_id, c.source, c.image_id, m.media_id
FROM {candidates} c JOIN unfinished.media m USING (image_id) WHERE m.outcome IS NULL
UNION ALL
SELECT c.record_id, c.source, arg_min(t.image_id, t.place), arg_min(t.media_id, t.place)
FROM {candidates} c JOIN unfinished.media m USING (image_id) JOIN unfinished.tried t USING (record_id)
WHERE m.outcome IS NOT NULL AND t.outcome IS NULL GROUP BY ALL

-- name: ended
-- Candidates that can no longer arrive.
CREATE VIEW unfinished.ended AS
SELECT c.record_id AS row_id, c.source, m.outcome,
       json_merge_patch(
         to_json({'status': m.status, 'detail': m.detail, 'address': c.address}),
         CASE WHEN t.alternates IS NULL THEN '{}' ELSE to_json({'alternates': t.alternates}) END
       )::VARCHAR AS evidence, NULL::VARCHAR AS other_id, NULL::VARCHAR AS raw
FROM {candidates} c JOIN unfinished.media m USING (image_id)
LEFT JOIN (SELECT record_id, list({'address': address, 'outcome': outcome} ORDER BY place) AS alternates,
                  count(*) AS tries, bool_or(outcome IS NULL) AS arrived FROM unfinished.tried GROUP BY 1) t
  USING (record_id)
WHERE m.outcome IS NOT NULL AND NOT coalesce(t.arrived, false)
  AND coalesce(t.tries, 0) = coalesce(len(c.alternates), 0)

-- name: mixed
-- Of parts in which units of an earlier plan stand, too, the rows of those that are taken from each.
SELECT m.* EXCLUDE (filename) FROM read_parquet([{files}], filename = true) m
JOIN unfinished.taken t ON t.file = m.filename AND t.unit = m.unit
