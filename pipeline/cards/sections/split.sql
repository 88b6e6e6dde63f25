-- The splits of the kept images.

-- name: taxa
-- Images of each taxon by split.
CREATE OR REPLACE TEMP TABLE shown_splits AS
SELECT accepted_id, split, count(*) AS images, count(DISTINCT group_id) AS groups FROM shown GROUP BY ALL

-- name: by_split
SELECT split, sum(images)::BIGINT, count(*) FROM shown_splits GROUP BY 1 ORDER BY 1

-- name: only
SELECT split, count(*) FROM (
  SELECT accepted_id, any_value(split) AS split FROM shown_splits GROUP BY 1 HAVING count(*) = 1) GROUP BY 1 ORDER BY 1

-- name: spread
-- Taxa in every split; in another but not in the first; of as many groups as splits, and yet in one alone.
SELECT count(*) FILTER (splits = {splits}), count(*) FILTER (NOT first),
       count(*) FILTER (splits = 1 AND groups >= {splits})
FROM (SELECT count(*) AS splits, sum(groups) AS groups, bool_or(split = {'first'}) AS first FROM shown_splits
      GROUP BY accepted_id)

-- name: straddling
SELECT count(*) FROM (SELECT group_id FROM shown GROUP BY 1 HAVING count(DISTINCT split) > 1)

-- name: classes
-- Images of each class by split, the classes of the most images first.
SELECT c."class", s.split, sum(s.images)::BIGINT AS images FROM shown_splits s JOIN shown_taxa t USING (accepted_id)
JOIN (SELECT "class", sum(images) AS of_class FROM shown_taxa GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}) c
  ON c."class" IS NOT DISTINCT FROM t."class"
GROUP BY c."class", c.of_class, s.split ORDER BY c.of_class DESC, c."class", s.split
