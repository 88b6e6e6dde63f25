-- Where the kept images are from, as far as the recipe lets it be told; exactly 0, 0 is no place.

-- name: cells
-- Centres of half degrees with their images.
SELECT (y + 0.5) / 2 AS lat, (x + 0.5) / 2 AS lon, count(*) AS images
FROM (SELECT least(floor(lat * 2), 179)::INT AS y, least(floor(lon * 2), 359)::INT AS x FROM shown
      WHERE lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180 AND (lat, lon) <> (0, 0))
GROUP BY y, x ORDER BY y, x

-- name: sources
SELECT source, count(*) FILTER (lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180 AND (lat, lon) <> (0, 0)), count(*)
FROM shown GROUP BY 1 ORDER BY 3 DESC, 1

-- name: bounds
-- South, west, north and east of the kept images, to a degree: the corners of a box are exact places otherwise.
SELECT floor(min(lat))::INT, floor(min(lon))::INT, ceil(max(lat))::INT, ceil(max(lon))::INT FROM shown
WHERE lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180 AND (lat, lon) <> (0, 0)

-- name: countries
-- The first thousand: what records write as a country may be anything.
SELECT upper(nullif(country_code, '')) AS country_code, count(*) AS images FROM shown GROUP BY 1 ORDER BY images DESC, 1
LIMIT 1000

-- name: known
SELECT count(*) FROM shown WHERE country_code <> ''
