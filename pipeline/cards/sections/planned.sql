-- What became of what a plan tells.

-- name: ended
SELECT source, stage, outcome, rows FROM funnel WHERE stage IN ('ingest', 'screen') AND outcome <> 'kept' ORDER BY ALL

-- name: candidates
SELECT source, count(*) FROM read_parquet('screen/candidates/*.parquet') GROUP BY 1 ORDER BY 1

-- name: asked
-- Media that were wanted, by the host of their own address, whoever gave them; files of a local store are of no host.
SELECT host, count(*) FROM (
  SELECT DISTINCT media_id,
         regexp_replace(host, CASE WHEN lower(address[:6]) = 'https:' THEN ':443$' ELSE ':80$' END, '') AS host
  FROM read_parquet('screen/candidates/*.parquet') WHERE store = '')
SEMI JOIN (SELECT media_id FROM read_parquet('fetch/media/*.parquet')) USING (media_id) GROUP BY 1 ORDER BY 1

-- name: fetched
-- Bytes of media, each charged to the first source by name that has it.
SELECT source, sum(bytes)::BIGINT FROM (
  SELECT media_id, max(bytes) AS bytes FROM read_parquet('fetch/media/*.parquet') GROUP BY 1)
JOIN (SELECT media_id, min(source) AS source FROM read_parquet('screen/candidates/*.parquet') GROUP BY 1)
USING (media_id) WHERE bytes IS NOT NULL GROUP BY 1 ORDER BY 1

-- name: stored
SELECT source, sum("length")::BIGINT FROM read_parquet('fetch/media/*.parquet') m
JOIN (SELECT DISTINCT source, image_id FROM read_parquet('screen/candidates/*.parquet')) USING (image_id)
WHERE m.outcome IS NULL GROUP BY 1 ORDER BY 1
