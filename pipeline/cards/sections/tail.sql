-- How many taxa have how many images.

-- name: kept
SELECT images, count(*) AS taxa FROM shown_taxa GROUP BY 1 ORDER BY 1 DESC

-- name: given
-- Of all input records whose name has a taxon.
SELECT n AS images, count(*) AS taxa
FROM (SELECT sum(records)::BIGINT AS n FROM names JOIN shown_names USING (name_id) WHERE accepted_id IS NOT NULL
      GROUP BY accepted_id)
GROUP BY 1 ORDER BY 1 DESC
