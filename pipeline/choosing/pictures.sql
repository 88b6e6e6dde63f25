-- What is asked of records once their pictures are there.

-- name: scores
LEFT JOIN {table} {"alias"} ON {"alias"}.record_id = k.record_id

-- name: burst
-- Of every fetched frame of a burst, how many it has and the greatest distance of its hash from another's. A burst is
-- of one source, dataset, camera and key; the crops of boxes are no frames. A frame without another has no row.
LEFT JOIN (
  WITH frames AS (
    SELECT DISTINCT r.record_id, m.image_id, m.pdq::BIT AS bits, r.source, coalesce(r.dataset_key, '') AS dataset,
           coalesce(r.location_key, '') AS camera, r.sequence_key AS sequence
    FROM {candidates} c
    JOIN {records} r ON r.record_id = c.record_id AND r.locator_file = c.locator_file AND r.locator_row = c.locator_row
    JOIN {media} m ON m.image_id = c.image_id AND m.outcome IS NULL AND m.pdq IS NOT NULL
    WHERE r.sequence_key <> '' AND c.box_w IS NULL
  ), bursts AS (
    SELECT source, dataset, camera, sequence, count(DISTINCT image_id) AS frames FROM frames GROUP BY ALL
    HAVING frames BETWEEN 2 AND {most}
  ), images AS (
    SELECT DISTINCT image_id, bits, source, dataset, camera, sequence, frames
    FROM frames JOIN bursts USING (source, dataset, camera, sequence)
  )
  SELECT f.record_id, any_value(i.frames) AS frames, max(bit_count(xor(f.bits, i.bits))) AS distance
  FROM frames f JOIN images i USING (source, dataset, camera, sequence)
  WHERE i.image_id <> f.image_id GROUP BY f.record_id
) {"alias"} ON {"alias"}.record_id = k.record_id

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
             FROM {media}) m ON m.image_id = k.image_id{joins})
WHERE evidence IS NOT NULL

-- name: ended
SELECT record_id AS row_id, source, {'outcome'} AS outcome, evidence, NULL::VARCHAR AS other_id, NULL::VARCHAR AS raw
FROM quality_ended ORDER BY record_id
