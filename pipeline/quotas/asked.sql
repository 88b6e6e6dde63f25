-- Who is asked for: what the quotas take of what there may be.

-- name: order
-- Every candidate with its place in the order of its taxon, from 1.
CREATE OR REPLACE TEMP TABLE asking_order AS
SELECT record_id, source, taxon, own, per{more},
       row_number() OVER (PARTITION BY taxon ORDER BY {terms}, record_id) AS nth
FROM quota_rows

-- name: none_asked
CREATE OR REPLACE TEMP TABLE asked (record_id VARCHAR, taxon VARCHAR, step INTEGER)

-- name: none_lost
CREATE OR REPLACE TEMP TABLE asking_lost (record_id VARCHAR, judged BOOLEAN)

-- name: none_unasked
CREATE OR REPLACE TEMP TABLE unasked (record_id VARCHAR, evidence VARCHAR)

-- name: no_quotas
CREATE OR REPLACE TEMP TABLE quota_taxa (taxon VARCHAR, had BIGINT, quota BIGINT, rule TINYINT)

-- name: forget
DELETE FROM asking_lost WHERE judged = {'judged'}

-- name: lose
INSERT INTO asking_lost SELECT record_id, {'judged'} FROM ({lost})

-- name: hope
-- What there may be: everybody but who is lost; what a later stage would end counts where nobody judges.
CREATE OR REPLACE TEMP TABLE quota_rows AS
SELECT record_id, source, taxon, own, per{more}, nth FROM asking_order
ANTI JOIN (SELECT record_id FROM asking_lost WHERE NOT judged OR {'judged'}) USING (record_id)

-- name: balanced
-- The values of the balanced columns take turns.
SELECT *, row_number() OVER (PARTITION BY taxon, balance ORDER BY nth) AS each FROM quota_rows

-- name: turns
-- What is left to the quotas of taxa: the turn of each candidate, how many its taxon has, and how many are needed of
-- it, which is more than are kept where a floor counts more.
CREATE OR REPLACE TEMP TABLE asking_turns AS
SELECT q.record_id, q.taxon, t.had, t.need, t.rule, a.record_id IS NOT NULL AS asked,
       row_number() OVER (PARTITION BY q.taxon ORDER BY {order}) AS turn
FROM {rows} q
JOIN (SELECT taxon, count(*) AS had, greatest(least(count(*), coalesce(min(t.quota), count(*))), {least}) AS need,
             min(t.rule) AS rule
      FROM quota_rows LEFT JOIN quota_taxa t USING (taxon) GROUP BY 1) t USING (taxon)
LEFT JOIN asked a USING (record_id)

-- name: ask
-- What is needed and not asked for. A taxon that was asked for often asks for twice as much each further time.
INSERT INTO asked
SELECT t.record_id, t.taxon, {step} FROM asking_turns t
JOIN (SELECT taxon, count(*) AS lacking FROM asking_turns WHERE turn <= need AND NOT asked GROUP BY 1) l
  ON l.taxon = t.taxon
LEFT JOIN (SELECT taxon, count(DISTINCT step) AS times FROM asked GROUP BY 1) s ON s.taxon = t.taxon
WHERE NOT t.asked
  AND t.turn <= t.need + ((1::BIGINT << least(greatest(coalesce(s.times, 0) - {patient}, 0), 30)) - 1) * l.lacking

-- name: note_unasked
-- Why nobody was asked for a candidate, with how many of its taxon were asked for, and how many of these stay.
INSERT INTO unasked
SELECT e.record_id, to_json({'rule': {rule}, 'had': e.had, 'wanted': e.wanted, 'taxon': o.own,
                             'asked': coalesce(t.asked, 0), 'stay': coalesce(t.stay, 0)})::VARCHAR
FROM (SELECT record_id, rule, had, wanted::BIGINT AS wanted FROM quota_ended
      UNION ALL SELECT record_id, rule, had, need FROM asking_turns WHERE turn > need) e
JOIN asking_order o USING (record_id)
LEFT JOIN (SELECT taxon, count(*) AS asked, count(*) FILTER (l.record_id IS NULL) AS stay FROM asked
           LEFT JOIN (SELECT DISTINCT record_id FROM asking_lost WHERE NOT judged OR {'judged'}) l USING (record_id)
           GROUP BY 1) t ON t.taxon = o.taxon
ANTI JOIN asked USING (record_id)
ANTI JOIN unasked USING (record_id)
