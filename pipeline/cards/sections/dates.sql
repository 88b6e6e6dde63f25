-- When the kept images were made, as far as a date begins with a year that can be.

-- name: months
SELECT CASE WHEN year BETWEEN 1700 AND 2199 THEN year END AS year,
       CASE WHEN year BETWEEN 1700 AND 2199 AND month BETWEEN 1 AND 12 THEN month END AS month, count(*) AS images
FROM (SELECT try_cast(regexp_extract(event_date, '^(\d{4})', 1) AS INT) AS year,
             try_cast(regexp_extract(event_date, '^\d{4}-(\d{1,2})', 1) AS INT) AS month FROM shown)
GROUP BY ALL ORDER BY year NULLS LAST, month NULLS LAST
