-- Sizes and qualities of the kept images.

-- name: sizes
-- Half octaves of pixels: 40 is 2^20.
SELECT floor(2 * log2(source_width::BIGINT * source_height))::INT AS step, count(*) AS images FROM shown
WHERE source_width > 0 AND source_height > 0 GROUP BY 1 ORDER BY 1

-- name: ratios
SELECT floor(2 * log2(source_width / source_height))::INT AS step, count(*) AS images FROM shown
WHERE source_width > 0 AND source_height > 0 GROUP BY 1 ORDER BY 1

-- name: qualities
SELECT (quality // 5 * 5)::INT AS step, count(*) AS images FROM shown WHERE quality IS NOT NULL
GROUP BY 1 ORDER BY 1
