-- How many go on: what the limits of sources and of the run end, when everything else of screen is done.

-- name: beyond
-- Candidates beyond the limit of their source or of the run; `caps`: source and limit. The order is a seeded hash.
CREATE OR REPLACE TEMP TABLE beyond AS
WITH keyed AS (SELECT record_id, source, choice_order(record_id) AS place FROM ({candidates})),
own AS (SELECT k.*, c.most AS cap, row_number() OVER (PARTITION BY k.source ORDER BY place, record_id) AS nth
        FROM keyed k LEFT JOIN (VALUES {caps}) c(source, most) ON c.source = k.source),
runs AS (SELECT *, row_number() OVER (ORDER BY place, record_id) AS of_run FROM own WHERE cap IS NULL OR nth <= cap)
SELECT o.record_id, o.source,
       json_object('rule', 'choice', 'key', CASE WHEN o.nth > o.cap THEN 'sources.' || o.source || '.limit'
                                                 ELSE 'select.limit' END,
                   'value', 'number ' || CASE WHEN o.nth > o.cap THEN o.nth ELSE r.of_run END
                            || ' in the order of the hash')::VARCHAR AS evidence
FROM own o LEFT JOIN runs r USING (record_id)
WHERE o.nth > o.cap OR r.of_run > {most}

-- name: ended
-- Ledger rows of what is beyond.
SELECT k.*, k.record_id AS row_id, 'not_selected' AS outcome, b.evidence, NULL::VARCHAR AS other_id
FROM ({candidates}) k JOIN beyond b USING (record_id)

-- name: kept
SELECT k.* FROM ({candidates}) k ANTI JOIN beyond b USING (record_id)
