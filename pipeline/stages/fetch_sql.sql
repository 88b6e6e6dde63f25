-- What fetch asks of its tables: who is asked in a round, and how every candidate ended.
-- In a ledger row, {ended} is all of its columns: record, source, outcome and evidence, and null for the others.

-- name: attempts
-- Every address that was tried for a record with alternates whose own address failed; place 0 is its own address.
SELECT a.record_id, a.source, a.place, a.at.image_id AS image_id, a.at.media_id AS media_id,
       a.at.address AS address, m.outcome, m.detail
FROM (SELECT record_id, source, unnest(addresses) AS at, generate_subscripts(addresses, 1) - 1 AS place
      FROM (SELECT c.record_id, c.source, list_prepend({'image_id': c.image_id, 'media_id': c.media_id,
                     'store': c.store, 'address': c.address, 'host': c.host}, c.alternates) AS addresses
            FROM {candidates} c JOIN {media} own ON own.image_id = c.image_id AND own.outcome IS NOT NULL
            WHERE len(c.alternates) > 0)) a
JOIN {media} m ON m.image_id = a.at.image_id

-- name: alternates
-- The addresses of a round: the place-th alternates of what no earlier round brought.
SELECT c.alternates[{place}].image_id AS image_id, c.alternates[{place}].media_id AS media_id,
       c.alternates[{place}].store AS store, c.alternates[{place}].address AS address,
       c.alternates[{place}].host AS host, NULL::DOUBLE AS box_x, NULL::DOUBLE AS box_y,
       NULL::DOUBLE AS box_w, NULL::DOUBLE AS box_h
FROM {candidates} c
WHERE len(c.alternates) >= {place}
  AND c.image_id IN (SELECT image_id FROM {media} WHERE outcome IS NOT NULL)
  AND c.record_id NOT IN (SELECT record_id FROM ({attempts}) WHERE outcome IS NULL)
  AND c.alternates[{place}].image_id NOT IN (SELECT image_id FROM {media})

-- name: arrived
-- Who arrived, each with the image that came.
SELECT c.record_id, c.source, c.image_id, c.media_id FROM {candidates} c
JOIN {media} m USING (image_id) WHERE m.outcome IS NULL
UNION ALL SELECT record_id, source, arg_min(image_id, place), arg_min(media_id, place)
FROM {tried} WHERE outcome IS NULL GROUP BY ALL

-- name: ended
-- Ledger rows of the asked candidates that did not arrive.
SELECT {ended} FROM {asked} c JOIN {media} m USING (image_id)
LEFT JOIN (SELECT record_id, list({'address': address, 'outcome': outcome} ORDER BY place)
                  FILTER (place > 0) AS alternates FROM {tried} GROUP BY 1) t USING (record_id)
WHERE m.outcome IS NOT NULL
  AND c.record_id NOT IN (SELECT record_id FROM {tried} WHERE outcome IS NULL)

-- name: substituted
-- Ledger rows with the candidate that was asked in the place of one that did not arrive: the first of a taxon that was
-- lost, here or to what a later stage would end, is stood in for by the first that was asked later on, and so on.
WITH placed AS (
  SELECT a.record_id, a.step, o.taxon, o.nth, min(a.step) OVER (PARTITION BY o.taxon) AS first
  FROM asked a JOIN asking_order o USING (record_id)),
stand_ins AS (
  SELECT l.record_id, s.record_id AS other_id
  FROM (SELECT *, row_number() OVER (PARTITION BY taxon ORDER BY step, nth) AS number
        FROM placed SEMI JOIN asking_lost USING (record_id)) l
  JOIN (SELECT *, row_number() OVER (PARTITION BY taxon ORDER BY step, nth) AS number
        FROM placed WHERE step > first) s ON s.taxon = l.taxon AND s.number = l.number AND s.step > l.step)
SELECT e.* REPLACE (s.other_id AS other_id) FROM ({ended}) e LEFT JOIN stand_ins s ON s.record_id = e.row_id

-- name: not_needed
-- Ledger rows of the candidates that nobody was asked for.
SELECT {ended} FROM {candidates} c JOIN unasked u USING (record_id)

-- name: evidence
-- Evidence of what host and decoder said, of the alternates that were tried, and of a placeholder.
json_merge_patch(
    to_json({'status': m.status, 'detail': m.detail, 'address': c.address}),
    CASE WHEN t.alternates IS NULL THEN '{}' ELSE to_json({'alternates': t.alternates}) END,
    coalesce(m.placeholder, '{}'))::VARCHAR
