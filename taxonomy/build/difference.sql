-- What changed between two built taxonomies, whose usages are the views `old_usages` and `new_usages`. The last
-- statement gives the changes; see DIFFERENCE_SCHEMA.

-- The usages of each with the names that they refer to.
CREATE TEMP TABLE old AS
SELECT u.usage_id, u.canonical_name AS name, u.rank, u.status, coalesce(u.kingdom, '') AS kingdom,
       a.canonical_name AS accepted_name, p.canonical_name AS parent_name
FROM old_usages u
LEFT JOIN old_usages a ON a.usage_id = u.accepted_id
LEFT JOIN old_usages p ON p.usage_id = u.parent_id;

CREATE TEMP TABLE new AS
SELECT u.usage_id, u.canonical_name AS name, u.rank, u.status, coalesce(u.kingdom, '') AS kingdom,
       a.canonical_name AS accepted_name, p.canonical_name AS parent_name
FROM new_usages u
LEFT JOIN new_usages a ON a.usage_id = u.accepted_id
LEFT JOIN new_usages p ON p.usage_id = u.parent_id;

-- Ids that one of them lacks, and names that one usage of each bears under another id.
CREATE TEMP TABLE gone AS SELECT * FROM old ANTI JOIN new USING (usage_id);
CREATE TEMP TABLE come AS SELECT * FROM new ANTI JOIN old USING (usage_id);
CREATE TEMP TABLE passed_on AS
SELECT min(g.usage_id) AS old_id, min(c.usage_id) AS new_id, g.name, count(*) AS pairs
FROM gone g JOIN come c USING (name, rank, kingdom) GROUP BY g.name, g.rank, g.kingdom HAVING pairs = 1;

SELECT * FROM (
  SELECT 'added' AS change, usage_id, name, NULL AS before, status AS after FROM come
  WHERE usage_id NOT IN (SELECT new_id FROM passed_on)
  UNION ALL SELECT 'removed', usage_id, name, status, NULL FROM gone
  WHERE usage_id NOT IN (SELECT old_id FROM passed_on)
  UNION ALL SELECT 'new_id', new_id, name, old_id, new_id FROM passed_on
  UNION ALL SELECT 'renamed', usage_id, n.name, o.name, n.name FROM old o JOIN new n USING (usage_id)
  WHERE o.name IS DISTINCT FROM n.name
  UNION ALL SELECT 'rank', usage_id, n.name, o.rank, n.rank FROM old o JOIN new n USING (usage_id)
  WHERE o.rank IS DISTINCT FROM n.rank
  UNION ALL SELECT 'status', usage_id, n.name, o.status, n.status FROM old o JOIN new n USING (usage_id)
  WHERE o.status IS DISTINCT FROM n.status
  UNION ALL SELECT 'accepted', usage_id, n.name, o.accepted_name, n.accepted_name FROM old o
  JOIN new n USING (usage_id) WHERE o.accepted_name IS DISTINCT FROM n.accepted_name
  UNION ALL SELECT 'moved', usage_id, n.name, o.parent_name, n.parent_name FROM old o
  JOIN new n USING (usage_id) WHERE o.parent_name IS DISTINCT FROM n.parent_name
) ORDER BY list_position($kinds, change), usage_id
