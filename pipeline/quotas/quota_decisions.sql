-- Which records the quotas end. `quota_order` and `taxon_order` are functions of the connection, to keys that sort.

-- name: ended
CREATE OR REPLACE TEMP TABLE quota_ended (record_id VARCHAR, rule TINYINT, had BIGINT, wanted DOUBLE)

-- name: note_now
INSERT INTO quota_ended SELECT * FROM quota_now

-- name: take_out
DELETE FROM quota_rows WHERE record_id IN (SELECT record_id FROM quota_now)

-- name: source_cap
SELECT record_id, {rule}, had, cap FROM (
  SELECT q.record_id, c.cap, t.had,
         row_number() OVER (PARTITION BY q.source, q.taxon ORDER BY {order}) AS place
  FROM quota_rows q JOIN (VALUES {caps}) c(source, cap) USING (source)
  JOIN (SELECT source, taxon, count(*) AS had FROM quota_rows GROUP BY ALL) t
    ON t.source = q.source AND t.taxon = q.taxon AND t.had > c.cap)
WHERE place > cap

-- name: thinned
SELECT record_id, {rule}, had, {most} FROM (
  SELECT record_id, count(*) OVER (PARTITION BY taxon, place) AS had,
         row_number() OVER (PARTITION BY taxon, place ORDER BY {order}) AS turn
  FROM quota_rows WHERE place IS NOT NULL)
WHERE turn > {most}

-- name: too_rare
SELECT record_id, {rule}, had, {least} FROM quota_rows
JOIN (SELECT taxon, count(*) AS had FROM quota_rows GROUP BY 1 HAVING count(*) < {least}) USING (taxon)

-- name: most_taxa
SELECT record_id, {rule}, had, {most} FROM quota_rows JOIN (
  SELECT own, had FROM (
    SELECT own, count(*) OVER (PARTITION BY per) AS had,
           row_number() OVER (PARTITION BY per ORDER BY taxon_order(own)) AS place
    FROM (SELECT own, min(per) AS per FROM quota_rows GROUP BY 1))
  WHERE place > {most}) USING (own)

-- name: counts
SELECT taxon, count(*) FROM quota_rows GROUP BY 1

-- name: capped
CREATE OR REPLACE TEMP TABLE quota_taxa AS
SELECT taxon, count(*) AS had, {cap} AS quota, {rule} AS rule FROM quota_rows GROUP BY 1 HAVING count(*) > {cap}

-- name: over
INSERT INTO quota_ended SELECT record_id, rule, had, quota FROM (
  SELECT record_id, t.rule, t.had, t.quota, row_number() OVER (PARTITION BY taxon ORDER BY {order}) AS place
  FROM quota_rows JOIN quota_taxa t USING (taxon))
WHERE place > quota

-- name: over_balanced
-- The values of the balanced columns take turns, each with its next best record.
INSERT INTO quota_ended SELECT record_id, rule, had, quota FROM (
  SELECT record_id, rule, had, quota, row_number() OVER (PARTITION BY taxon ORDER BY turn, {order}) AS place FROM (
    SELECT q.*, t.rule, t.had, t.quota, row_number() OVER (PARTITION BY taxon, balance ORDER BY {order}) AS turn
    FROM quota_rows q JOIN quota_taxa t USING (taxon)))
WHERE place > quota

-- name: over_picked
INSERT INTO quota_ended SELECT record_id, rule, had, quota FROM (
  SELECT record_id, t.rule, t.had, t.quota, row_number() OVER (PARTITION BY taxon ORDER BY {order}) AS place
  FROM quota_rows JOIN quota_taxa t USING (taxon) LEFT JOIN quota_picked USING (record_id))
WHERE place > quota
