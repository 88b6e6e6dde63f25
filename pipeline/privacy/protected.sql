-- Whose place is kept back. `below` holds the keys of listed taxa and of all that they hold, `listed_taxa` the list.

-- name: spoken
-- Names of protected taxa: by their key, or by their letters where the taxonomy leaves doubt.
CREATE TEMP TABLE spoken AS
SELECT n.name_id, CASE WHEN n.accepted_id IN (SELECT id FROM below) OR n.usage_id IN (SELECT id FROM below)
                       THEN 'taxon' ELSE 'name' END AS reason
FROM {names} n
WHERE n.accepted_id IN (SELECT id FROM below) OR n.usage_id IN (SELECT id FROM below)
   OR EXISTS (SELECT 1 FROM listed_taxa l
              WHERE (l.match_type NOT IN {'sure'} OR n.accepted_id IS NULL OR n.match_type NOT IN {'of_the_name'})
                AND (n.canonical_name = l.canonical_name OR n.scientific_name = l.taxon
                     OR starts_with(n.canonical_name, l.canonical_name || ' ')))

-- name: protected
-- Records of such a name; what shares a place with them is added below.
CREATE TEMP TABLE protected AS
SELECT record_id, any_value(r.source) AS source, min(s.reason) AS reason, NULL::VARCHAR AS other_id
FROM {records} r JOIN spoken s USING (name_id) GROUP BY 1

-- name: shared
-- What records share a place by: their occurrence, their medium, the address of its bytes, or a picture that is alike.
CREATE TEMP TABLE shared AS
WITH keys AS (
  SELECT record_id, source, 'occurrence' AS kind, source || ':' || nullif(occurrence_key, '') AS key FROM {records}
  UNION ALL SELECT record_id, source, 'medium', nullif(media_key, '') FROM {records}
  UNION ALL SELECT record_id, source, 'address', media_id FROM {candidates}
  UNION ALL SELECT record_id, source, 'alike', kind || ':' || key FROM {groups} WHERE kind IN ('alike', 'specimen')
)
SELECT record_id, source, kind, key FROM keys WHERE key IS NOT NULL

-- name: also_protected
-- Adds the records that share a place with a protected one, and names one of those.
INSERT INTO protected
SELECT s.record_id, any_value(s.source), min(s.kind), min(h.holder)
FROM shared s JOIN (SELECT s.kind, s.key, min(record_id) AS holder FROM shared s
                    SEMI JOIN protected USING (record_id) GROUP BY ALL) h USING (kind, key)
ANTI JOIN protected p ON p.record_id = s.record_id GROUP BY 1
