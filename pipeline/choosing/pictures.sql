-- What is asked of records once their pictures are there.

-- name: scores
LEFT JOIN {table} {"alias"} ON {"alias"}.record_id = k.record_id

-- name: failing
-- Of rows that state the same record, the one that the candidate is.
SELECT record_id, source, evidence FROM (
  SELECT k.record_id, k.source, {evidence} AS evidence
  FROM {kept} k
  JOIN {candidates} c ON c.record_id = k.record_id
  JOIN {records} r ON r.record_id = c.record_id AND r.locator_file = c.locator_file AND r.locator_row = c.locator_row
  LEFT JOIN {names} n ON n.name_id = k.name_id
  LEFT JOIN (SELECT *, source_width::BIGINT * source_height AS pixels,
                    greatest(source_width, source_height) / least(source_width, source_height) AS aspect
             FROM {media}) m ON m.image_id = k.image_id{scores})
WHERE evidence IS NOT NULL

-- name: ended
SELECT record_id AS row_id, source, {'outcome'} AS outcome, evidence, NULL::VARCHAR AS other_id, NULL::VARCHAR AS raw
FROM quality_ended ORDER BY record_id
