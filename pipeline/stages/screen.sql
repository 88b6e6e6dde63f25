-- What screen asks of the records, the resolved names and the held-out keys.

-- name: screened
-- Every record with its outcome (null: passed) and evidence; the first rule that applies gives both.
-- `choice` and the places named after it: what the recipe does not choose, written by `pipeline.choosing`; empty where
-- it says nothing.
-- `content`: the columns that two statements of one record must share to be the same; `rank`: the least one wanted.
WITH twins AS (
  SELECT record_id, locator_file, locator_row,
         row_number() OVER (PARTITION BY record_id ORDER BY content, locator_file, locator_row) AS nth
  FROM (SELECT record_id, locator_file, locator_row, md5(to_json(struct_pack({"content"}))) AS content FROM {records}
        WHERE record_id IN (SELECT record_id FROM {records} GROUP BY 1 HAVING count(*) > 1))
),
held_records AS (SELECT key, min(benchmark) AS benchmark FROM (
    SELECT record_key AS key, benchmark FROM {ids} UNION ALL SELECT record_key, benchmark FROM {items})
    WHERE key IS NOT NULL AND key <> '' GROUP BY 1),
held_media AS (SELECT key, min(benchmark) AS benchmark, min(rule) AS rule FROM (
    SELECT media_key AS key, benchmark, 'held-out media key' AS rule FROM {ids}
    UNION ALL SELECT media_key, benchmark, 'held-out media key' FROM {items}
    UNION ALL SELECT h.media_key, k.benchmark, 'medium of a held-out record' FROM {records} h
    JOIN held_records k ON k.key = h.source || ':' || h.source_record_id)
    WHERE key IS NOT NULL AND key <> '' GROUP BY 1),
listed AS (SELECT occurrence_key AS key, benchmark FROM {ids} UNION ALL
    SELECT occurrence_key, benchmark FROM {items}),
held_occurrences AS (SELECT source, key, min(benchmark) AS benchmark FROM (
    SELECT r.source, r.occurrence_key AS key, l.benchmark FROM {records} r JOIN listed l ON l.key = r.occurrence_key
    UNION ALL SELECT r.source, r.occurrence_key, l.benchmark FROM {records} r
    JOIN listed l ON l.key = r.source || ':' || r.occurrence_key
    UNION ALL SELECT r.source, r.occurrence_key, k.benchmark FROM {records} r
    JOIN held_records k ON k.key = r.source || ':' || r.source_record_id
    UNION ALL SELECT r.source, r.occurrence_key, m.benchmark FROM {records} r
    JOIN held_media m ON m.key = r.media_key)
    WHERE key IS NOT NULL AND key <> '' GROUP BY ALL),
held_species AS (SELECT species_id AS key, min(benchmark) AS benchmark, min(taxon) AS taxon FROM {taxa}
    WHERE species_id IS NOT NULL GROUP BY 1)
SELECT r.*, {provenance} AS provenance, {specimen_key} AS specimen_key, coalesce(t.nth, 1) AS nth,{choice}
  coalesce(hr.benchmark, hm.benchmark, ho.benchmark, hs.benchmark) AS held_by,
  r.media_width::BIGINT * r.media_height AS pixels,
  CASE
    WHEN coalesce(t.nth, 1) > 1 THEN 'duplicate_record'
    WHEN w.record_id IS NOT NULL THEN 'withdrawn'
    WHEN r.media_type NOT IN ('StillImage', 'Unknown') THEN 'not_image'
    WHEN upper(coalesce(r.occurrence_status, 'PRESENT')) = 'ABSENT' THEN 'not_present'
    WHEN hm.key IS NOT NULL OR hr.key IS NOT NULL OR ho.key IS NOT NULL THEN 'leak_id'
    WHEN hs.key IS NOT NULL THEN 'leak_species'{choice_of}
    WHEN {unknown} THEN 'licence_unknown'
    WHEN l_family IS NOT NULL AND l_family NOT IN {'allow'} THEN 'licence_not_allowed'
    WHEN n.match_type = 'AMBIGUOUS' OR (n.match_type = 'LCA' AND n.{"rank"} IS NULL) THEN 'name_ambiguous'
    WHEN n.accepted_id IS NULL THEN 'name_unresolved'
    WHEN n.{"rank"} IS NULL THEN 'rank_too_high'
  END AS outcome,
  CASE WHEN coalesce(t.nth, 1) = 1 AND w.record_id IS NOT NULL THEN w.evidence{choice_proof}
  ELSE json_merge_patch(to_json(CASE
    WHEN coalesce(t.nth, 1) > 1 THEN {'rule': 'same record, medium and box', 'value': t.nth::VARCHAR}
    WHEN r.media_type NOT IN ('StillImage', 'Unknown') THEN {'rule': 'media type', 'value': r.media_type}
    WHEN upper(coalesce(r.occurrence_status, 'PRESENT')) = 'ABSENT'
      THEN {'rule': 'occurrence status', 'value': r.occurrence_status}
    WHEN hr.key IS NOT NULL THEN {'rule': 'held-out record', 'value': hr.key}
    WHEN hm.key IS NOT NULL THEN {'rule': hm.rule, 'value': hm.key}
    WHEN ho.key IS NOT NULL THEN {'rule': 'held-out occurrence', 'value': ho.key}
    WHEN hs.key IS NOT NULL THEN {'rule': 'held-out species: ' || hs.taxon, 'value': n.species}
    WHEN {unknown} THEN {'rule': 'licence', 'value': r.license_verbatim}
    WHEN l_family NOT IN {'allow'} THEN {'rule': 'licence', 'value': r.license_id}
    ELSE {'rule': 'name: ' || coalesce(n.match_type, 'NONE'), 'value': r.scientific_name}
  END), CASE WHEN outcome IN {'of_names'} THEN to_json({'missing': {missing}, 'reason': {fall}})
             ELSE '{}' END)::VARCHAR END AS evidence
FROM (SELECT *, CASE WHEN license_family IN ('', 'UNKNOWN', 'UNSPECIFIED', 'AMBIGUOUS') THEN NULL
                     ELSE license_family END AS l_family FROM {records}) r
LEFT JOIN twins t USING (record_id, locator_file, locator_row)
LEFT JOIN {names} n USING (name_id){choice_taxa}
LEFT JOIN {withdrawn} w ON w.record_id = r.record_id
LEFT JOIN held_media hm ON hm.key = r.media_key
LEFT JOIN held_records hr ON hr.key = r.source || ':' || r.source_record_id
LEFT JOIN held_occurrences ho ON ho.source = r.source AND ho.key = r.occurrence_key
LEFT JOIN held_species hs ON hs.key = n.species_id
