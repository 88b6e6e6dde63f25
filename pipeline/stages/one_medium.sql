-- Media that several records name: what is said of each, which record speaks for it, and which contradict each other.

-- name: shared
-- Media keys of every medium that several records name.
CREATE OR REPLACE TEMP TABLE shared AS
SELECT media_key FROM {records} WHERE media_key <> '' AND box_x IS NULL
GROUP BY 1 HAVING min(record_id) <> max(record_id)

-- name: labels
-- What is said of these media, and by whom first. A label between two main ranks (a subspecies, a subfamily) is
-- deeper than the taxon of the rank above it.
CREATE OR REPLACE TEMP TABLE labels AS
SELECT r.media_key, n.accepted_id, {ranks}, min(r.record_id) AS record_id, {depth} AS depth,
       NOT list_contains({lineage}, n.accepted_id) AS between_ranks
FROM {records} r SEMI JOIN shared USING (media_key) JOIN {names} n USING (name_id)
WHERE r.box_x IS NULL AND n.accepted_id IS NOT NULL AND n.match_type IS DISTINCT FROM 'AMBIGUOUS'
  AND r.media_type IN ('StillImage', 'Unknown') AND upper(coalesce(r.occurrence_status, 'PRESENT')) <> 'ABSENT'
GROUP BY ALL

-- name: conflicts
-- Contradictions, with a record on either side. Labels are compatible one with another exactly when each is compatible
-- with the deepest: ancestors of one taxon lie on one line. So the work grows with the labels, not with their pairs.
CREATE OR REPLACE TEMP TABLE conflicts AS
SELECT d.media_key, any_value(d.accepted_id) AS one, any_value(d.record_id) AS one_record,
       min(l.accepted_id) AS two, arg_min(l.record_id, l.accepted_id) AS two_record,
       list(l.accepted_id ORDER BY l.accepted_id) AS others, any_value(o.together) AS together
FROM (SELECT * FROM labels QUALIFY row_number() OVER (PARTITION BY media_key
                                     ORDER BY depth DESC, between_ranks DESC, accepted_id) = 1) d
JOIN labels l USING (media_key)
JOIN (SELECT media_key, count(DISTINCT source || ':' || coalesce(nullif(occurrence_key, ''), record_id)) = 1
             AND bool_and(image_category IS NOT DISTINCT FROM 'camera_trap') AS together
      FROM {records} SEMI JOIN shared USING (media_key) WHERE box_x IS NULL GROUP BY 1) o USING (media_key)
WHERE NOT (l.accepted_id = d.accepted_id OR list_contains({of_deepest}, l.accepted_id)
           OR list_contains({of_label}, d.accepted_id))
GROUP BY d.media_key

-- name: placed
-- Order of preference among the records that passed.
CREATE OR REPLACE TEMP TABLE placed AS
SELECT p.record_id, p.media_key, row_number() OVER (PARTITION BY p.media_key ORDER BY {order}) AS place
FROM {passed} p SEMI JOIN shared USING (media_key)
ANTI JOIN conflicts USING (media_key) ANTI JOIN handed_on USING (media_key) JOIN {names} n USING (name_id)
WHERE p.box_x IS NULL

-- name: ended
-- Records that end here.
SELECT p.*, p.record_id AS row_id,
       CASE WHEN c.together THEN 'multi_label' ELSE 'media_label_conflict' END AS outcome,
       to_json({'rule': CASE WHEN c.together THEN 'several organisms in one occurrence'
                              ELSE 'one medium, labelled differently' END,
                 'value': p.media_key, 'taxa': [c.one, c.two]})::VARCHAR AS evidence,
       CASE WHEN list_contains(c.others, n.accepted_id) THEN c.one_record ELSE c.two_record END AS other_id
FROM {passed} p JOIN conflicts c USING (media_key) JOIN {names} n USING (name_id) WHERE p.box_x IS NULL
UNION ALL
SELECT p.*, p.record_id, 'same_medium', to_json({'rule': 'media key', 'value': p.media_key})::VARCHAR,
       chosen.record_id
FROM {passed} p JOIN placed USING (record_id)
JOIN placed chosen ON chosen.media_key = placed.media_key AND chosen.place = 1
WHERE placed.place > 1

-- name: kept
-- Records that go on, each with where else its medium may be had.
WITH addresses AS (
  SELECT q.media_key, q.media_id, min(q.place) AS place, any_value(q.image_id) AS image_id,
         any_value(q.store) AS store, any_value(q.address) AS address, any_value(q.host) AS host
  FROM (SELECT p.*, placed.place FROM {passed} p JOIN placed USING (record_id)) q GROUP BY ALL),
alternates AS (
  SELECT media_key, list({'image_id': image_id, 'media_id': media_id, 'store': store, 'address': address,
                           'host': host} ORDER BY place)[:{most}] AS alternates
  FROM addresses WHERE place > 1 GROUP BY 1)
SELECT p.*, a.alternates
FROM {passed} p
LEFT JOIN placed USING (record_id)
ANTI JOIN (SELECT media_key, true AS whole FROM conflicts) c
  ON c.media_key = p.media_key AND p.box_x IS NULL
LEFT JOIN alternates a ON a.media_key = p.media_key AND placed.place = 1
WHERE coalesce(placed.place, 1) = 1

-- name: media_records
-- All records of the media that several records name, with the one that speaks for it.
SELECT r.media_key, r.record_id, r.source, chosen.record_id AS kept_id,
       coalesce(l.taxa, 0) > 1 AS label_conflict
FROM (SELECT DISTINCT media_key, record_id, source FROM {records} SEMI JOIN shared USING (media_key)
      WHERE box_x IS NULL) r
LEFT JOIN placed chosen ON chosen.media_key = r.media_key AND chosen.place = 1
LEFT JOIN (SELECT media_key, count(DISTINCT accepted_id) AS taxa FROM labels GROUP BY 1) l
  ON l.media_key = r.media_key
