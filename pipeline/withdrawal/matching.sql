-- Which records a list of withdrawals means. `withdrawals_read` holds its keys in the order of the list.

-- name: listed
-- Each key once, as it is compared: `people` are the branches of a CASE for the kinds that are names of people.
CREATE OR REPLACE TEMP TABLE listed AS
SELECT * EXCLUDE (match), CASE {people} ELSE match END AS match FROM withdrawals_read
QUALIFY row_number() OVER (PARTITION BY kind, CASE {people} ELSE match END, source ORDER BY position) = 1

-- name: by_kind
-- Records that the keys of one kind mean by a rule between `l`, the key, and `r`, the record.
SELECT r.record_id, r.media_key, l.position, l.kind FROM {records} r
JOIN (SELECT * FROM listed WHERE kind = {'kind'}) l ON {rule} WHERE l.source IN ('', r.source)

-- name: by_none
-- The same without rows, for a list without keys.
SELECT NULL::VARCHAR AS record_id, NULL::VARCHAR AS media_key, NULL::BIGINT AS position, NULL AS kind WHERE false

-- name: meant_too
-- Other records of the media that a person is named for.
INSERT INTO meant
SELECT DISTINCT r.record_id, r.media_key, l.position, l.kind
FROM (SELECT DISTINCT media_key, position FROM meant WHERE kind IN {'people'} AND media_key <> '') m
JOIN listed l USING (position) JOIN {records} r ON r.media_key = m.media_key
WHERE l.source IN ('', r.source)

-- name: withdrawal_keys
-- How many records each key means.
CREATE OR REPLACE TEMP TABLE withdrawal_keys AS
SELECT l.*, coalesce(m.records, 0) AS records FROM listed l
LEFT JOIN (SELECT position, count(DISTINCT record_id) AS records FROM meant GROUP BY 1) m USING (position)

-- name: withdrawn
-- Each record once, with the first key of the list that means it as its evidence.
CREATE OR REPLACE TEMP TABLE withdrawn AS
SELECT m.record_id, m.position,
       json_merge_patch('{}', to_json({'rule': 'withdrawn ' || replace(l.kind, '_', ' '), 'value': l.value,
         'file': l.file, 'source': nullif(l.source, ''), 'reason': nullif(l.reason, ''),
         'date': nullif(l.date, '')}))::VARCHAR AS evidence
FROM (SELECT record_id, min(position) AS position FROM meant GROUP BY 1) m JOIN listed l USING (position)
